// Command fairlead is a self-hosted LLM service that many applications share
// without hurting each other. Each file beside this one is a command; `fairlead
// serve` is the service itself.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// The exit codes.
const (
	exitFine   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	p := &program{out: os.Stdout, err: os.Stderr, environ: os.Environ()}
	return p.run(ctx, os.Args[1:])
}

// program is the surroundings that commands run in.
type program struct {
	out, err io.Writer
	environ  []string
}

// failure is an error of a command that was called rightly, with the code to
// exit with. Whatever else cobra returns is wrong usage.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// failed marks an error as the work's, not the usage's.
func failed(err error) error { return &failure{code: exitFailed, err: err} }

// unusable marks an error as the configuration's.
func unusable(err error) error { return &failure{code: exitUsage, err: err} }

func (p *program) run(ctx context.Context, args []string) int {
	root := p.root()
	root.SetArgs(args)
	root.SetOut(p.out)
	root.SetErr(p.err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitFine
	}
	fmt.Fprintf(p.err, "fairlead: %v\n", err)
	if f, ok := errors.AsType[*failure](err); ok {
		return f.code
	}
	fmt.Fprintln(p.err, "Run `fairlead --help`, or `fairlead COMMAND --help`, for how it is used.")
	return exitUsage
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "fairlead",
		Short: "One LLM service that many applications share without hurting each other",
		Long: `Fairlead stands between your applications and the LLM providers that they share.
Each application has a key, an exact rate limit and its fair turn at the slots;
each refusal says why and when to come back.

Start with:  fairlead serve
Then:        curl http://127.0.0.1:8080/info`,
		SilenceUsage: true, SilenceErrors: true,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddCommand(p.serve(), p.check(), p.showConfig(), p.keys(), p.mock(), p.simulate(), p.version(), p.extractWorker(), p.indexWorker())
	return root
}

// noArguments refuses arguments. Of a command that has others below it, the
// first is taken for the name of one.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if !cmd.HasAvailableSubCommands() {
		return fmt.Errorf("%s takes no arguments, and there is %q", cmd.CommandPath(), args[0])
	}
	cmd.SuggestionsMinimumDistance = 2 // letters
	if meant := cmd.SuggestionsFor(args[0]); len(meant) > 0 {
		return fmt.Errorf("%s has no command %q; did you mean %q?", cmd.CommandPath(), args[0], meant[0])
	}
	return fmt.Errorf("%s has no command %q", cmd.CommandPath(), args[0])
}
