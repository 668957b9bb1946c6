package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/fairleadhq/fairlead/internal/server"
)

func (p *program) serve() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the service",
		Long: `Run the service until SIGTERM or SIGINT, then finish the running calls (at most
server.drain_timeout) and stop.

With no configuration it listens on 127.0.0.1:8080, keeps its data in
./fairlead-data and finds its providers in OPENAI_API_KEY, GROQ_API_KEY,
OPENROUTER_API_KEY and OLLAMA_HOST. With none of them the built-in offline
provider answers. The first start prints an admin token and an app key, once.`,
		Example: `  fairlead serve
  fairlead serve --config fairlead.yaml --listen 127.0.0.1:9000`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := p.load(&s)
			if err != nil {
				return err
			}
			log := server.NewLog(p.err, loaded.Config.Server.LogFormat)
			defer log.Close()
			built, err := server.New(cmd.Context(), loaded, server.Options{
				Version: version, Logger: log.Logger, Out: p.out,
			})
			switch {
			case errors.Is(err, server.ErrUnusable):
				return unusable(err)
			case err != nil:
				return failed(err)
			}
			if err := built.Run(cmd.Context()); err != nil {
				return failed(err)
			}
			return nil
		},
	}
	s.bind(cmd)
	cmd.Flags().StringVarP(&s.listen, "listen", "l", "", "address to listen on, as server.listen")
	return cmd
}
