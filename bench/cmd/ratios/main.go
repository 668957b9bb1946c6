// Command ratios reads what several runs of `go test -bench` printed and prints, as
// Markdown, what became of the goals: the median of each figure, or its ratio
// to that of a peer in the same run.
//
//	go run ./cmd/ratios bench.txt
//
// Without a file it reads standard input. A goal that is missed is told and is
// no error; figures of fewer than five runs are one.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "ratios:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	switch len(args) {
	case 0:
	case 1:
		file, err := os.Open(args[0]) //nolint:gosec // G304, G703: whoever runs it names it
		if err != nil {
			return err
		}
		defer file.Close()
		in = file
	default:
		return errors.New("usage: ratios [file]")
	}
	results, err := parse(in)
	if err != nil {
		return fmt.Errorf("read the figures: %w", err)
	}
	if err := results.enough(); err != nil {
		return err
	}
	return report(out, results)
}
