// Command go asks a Fairlead service one question, and prints the answer as it
// comes:
//
//	FAIRLEAD_URL=http://127.0.0.1:8080 FAIRLEAD_KEY=... go run ./examples/go "question"
//
// What it shows: package client tries again while nothing of the answer has
// come, keeps its connections, and never takes an answer that broke off for a
// whole one; the context bounds the time of it all.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/fairleadhq/fairlead/client"
)

// patience is how long the question may take, waits included.
const patience = 2 * time.Minute

func main() {
	url, key := os.Getenv("FAIRLEAD_URL"), os.Getenv("FAIRLEAD_KEY")
	if url == "" || key == "" || len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, `usage: FAIRLEAD_URL=... FAIRLEAD_KEY=... go run ./examples/go "question"`)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := ask(ctx, client.New(url, key), os.Args[1], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "failed:", err)
		os.Exit(1)
	}
}

// ask puts one question and writes the answer to w as it comes.
func ask(ctx context.Context, c *client.Client, question string, w io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request := client.ChatRequest{Messages: []client.Message{client.User(question)}}
	err := c.Stream(ctx, request, func(d client.Delta) error {
		_, err := io.WriteString(w, d.Content)
		return err
	})
	fmt.Fprintln(w)
	if broken, ok := errors.AsType[*client.BrokenError](err); ok {
		return fmt.Errorf("this is not the whole answer: %w", broken)
	}
	return err
}
