package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/fairleadhq/fairlead/internal/config"
)

func (p *program) check() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Check a configuration and tell every mistake in it",
		Long: `Check a configuration without starting anything. Every mistake is told at once,
with its line and column, and the name that was probably meant. The exit code is
0 when the service would start with it, 2 when not.`,
		Example: `  fairlead check fairlead.yaml`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				s.file = args[0]
			}
			loaded, err := p.load(&s)
			if err != nil {
				return err
			}
			for _, warning := range loaded.Warnings {
				fmt.Fprintf(p.out, "warning: %s\n", warning)
			}
			fmt.Fprintln(p.out, "the configuration is fine")
			return nil
		},
	}
	s.bind(cmd)
	return cmd
}

func (p *program) showConfig() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print the effective configuration, each value with its source",
		Long: `Print the configuration that the service would run with: every value, with a
comment that says whether it is a default or came from the file, the environment
or a flag. Secrets are printed as ***.`,
		Args: noArguments,
		RunE: func(_ *cobra.Command, _ []string) error {
			loaded, err := p.load(&s)
			if err != nil {
				return err
			}
			if err := loaded.Print(p.out); err != nil {
				return failed(err)
			}
			return nil
		},
	}
	s.bind(cmd)
	cmd.AddCommand(p.schema())
	return cmd
}

func (p *program) schema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the configuration file, for editors",
		Args:  noArguments,
		RunE: func(_ *cobra.Command, _ []string) error {
			schema, err := config.Schema()
			if err != nil {
				return failed(err)
			}
			if _, err := p.out.Write(append(schema, '\n')); err != nil {
				return failed(err)
			}
			return nil
		},
	}
}
