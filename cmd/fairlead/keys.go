package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/server"
)

func (p *program) keys() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Make, list, rotate and revoke API keys",
		Long: `Make, list, rotate and revoke the API keys of applications. The keys are in the
data directory; a service that runs on it follows within a second. A key is shown
once, when it is made, and stored only as a hash.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.createKey(), p.listKeys(), p.rotateKey(), p.revokeKey())
	return cmd
}

// withKeys opens the keys for the time of do.
func (p *program) withKeys(ctx context.Context, s *settings, do func(*server.KeyAdmin) error) error {
	loaded, err := p.load(s)
	if err != nil {
		return err
	}
	admin, err := server.OpenKeyAdmin(ctx, loaded)
	if err != nil {
		return unusable(err)
	}
	err = errors.Join(do(admin), admin.Close())
	var told *fairlead.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, server.ErrUnusable):
		return unusable(err)
	case errors.As(err, &told) && told.Kind != fairlead.Internal:
		return unusable(describe(told))
	}
	return failed(err)
}

// describe puts an error's own words for its caller in one line.
func describe(e *fairlead.Error) error {
	if e.Detail != "" {
		return fmt.Errorf("%s: %s", e.Message, e.Detail)
	}
	return errors.New(e.Message)
}

func (p *program) createKey() *cobra.Command {
	var s settings
	var app, name string
	var lifetime time.Duration
	cmd := &cobra.Command{
		Use:     "create --app NAME",
		Short:   "Make a key for an app and print it once",
		Example: `  fairlead keys create --app crm --name "staging" --expires 2160h`,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if lifetime < 0 {
				return errors.New("--expires must not be negative")
			}
			return p.withKeys(cmd.Context(), &s, func(admin *server.KeyAdmin) error {
				key, secret, err := admin.Create(cmd.Context(), fairlead.AppID(app), name, lifetime)
				if err != nil {
					return err
				}
				p.printKey(&key, secret)
				return nil
			})
		},
	}
	s.bind(cmd)
	f := cmd.Flags()
	f.StringVar(&app, "app", "", "the app that the key is for (needed)")
	f.StringVar(&name, "name", "", "a label for people")
	f.DurationVar(&lifetime, "expires", 0, "how long the key works, as 720h (default: for ever)")
	_ = cmd.MarkFlagRequired("app") // the flag is there
	return cmd
}

func (p *program) printKey(key *fairlead.Key, secret string) {
	fmt.Fprintf(p.out, "id: %s\napp: %s\nkey: %s\n", key.ID, key.App, secret)
	fmt.Fprintln(p.out, "Keep the key: it is shown this once and stored only as a hash.")
}

func (p *program) listKeys() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the keys that were made, with when each was last used",
		Long: `List the keys in the data directory. Keys written in the configuration file are
not among them.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withKeys(cmd.Context(), &s, func(admin *server.KeyAdmin) error {
				keys, err := admin.List(cmd.Context())
				if err != nil {
					return err
				}
				return p.printKeys(keys)
			})
		},
	}
	s.bind(cmd)
	return cmd
}

func (p *program) printKeys(keys []fairlead.Key) error {
	table := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tAPP\tNAME\tPREFIX\tCREATED\tLAST USED\tEXPIRES\tSTATE")
	now := time.Now()
	for i := range keys {
		k := &keys[i]
		state, ended := k.Ended(now)
		if !ended {
			state = "active"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s…\t%s\t%s\t%s\t%s\n",
			k.ID, k.App, k.Name, k.Prefix, moment(k.Created), moment(k.LastUsed), moment(k.Expires), state)
	}
	return table.Flush()
}

// moment spells a time, or a dash where there is none.
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.DateTime)
}

// oneKey asks for the one argument that names a key.
func oneKey(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("name one key, as in: %s KEY (`fairlead keys list` shows them)", cmd.CommandPath())
	}
	return nil
}

func (p *program) rotateKey() *cobra.Command {
	var s settings
	var overlap time.Duration
	cmd := &cobra.Command{
		Use:   "rotate KEY",
		Short: "Make a new key in place of one, which goes on working for a while",
		Long: `Make a new key for the app of KEY and print it once. KEY, named by its id, the
beginning of its id, its name or its prefix, goes on working for the overlap, so
that the app can change over without a gap.`,
		Example: `  fairlead keys rotate key_0123456789abcdef --overlap 48h`,
		Args:    oneKey,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withKeys(cmd.Context(), &s, func(admin *server.KeyAdmin) error {
				key, secret, err := admin.Rotate(cmd.Context(), args[0], overlap)
				if err != nil {
					return err
				}
				p.printKey(&key, secret)
				return nil
			})
		},
	}
	s.bind(cmd)
	const day = 24 * time.Hour
	cmd.Flags().DurationVar(&overlap, "overlap", day, "how long the old key goes on working; 0 ends it at once")
	return cmd
}

func (p *program) revokeKey() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:   "revoke KEY",
		Short: "End a key at once and for ever",
		Args:  oneKey,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withKeys(cmd.Context(), &s, func(admin *server.KeyAdmin) error {
				key, err := admin.Revoke(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				fmt.Fprintf(p.out, "revoked %s of app %s\n", key.ID, key.App)
				return nil
			})
		},
	}
	s.bind(cmd)
	return cmd
}
