package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairleadhq/fairlead/internal/mock"
)

const mockHeaderTimeout = 10 * time.Second

func (p *program) mock() *cobra.Command {
	var listen, key string
	cmd := &cobra.Command{
		Use:   "mock",
		Short: "Run an upstream that fails as you ask it to, to try things against",
		Long: `Run an upstream that speaks OpenAI's and Anthropic's APIs and says in every
answer that it is the mock. It is no LLM. The name of the model asks for faults:

` + mock.FlagsHelp,
		Example: `  fairlead mock --listen 127.0.0.1:8090
  OPENAI_BASE_URL=http://127.0.0.1:8090/v1 OPENAI_API_KEY=anything fairlead serve`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.serveMock(cmd.Context(), listen, key)
		},
	}
	cmd.Flags().StringVarP(&listen, "listen", "l", "127.0.0.1:8090", "address to listen on")
	cmd.Flags().StringVar(&key, "key", "", "refuse every other API key with 401")
	return cmd
}

func (p *program) serveMock(ctx context.Context, listen, key string) error {
	var l net.ListenConfig
	listener, err := l.Listen(ctx, "tcp", listen)
	if err != nil {
		return unusable(err)
	}
	web := &http.Server{Handler: mock.New(mock.Options{Key: key}), ReadHeaderTimeout: mockHeaderTimeout}
	fmt.Fprintf(p.out, "mock upstream on http://%s/v1\n", listener.Addr())
	stop := context.AfterFunc(ctx, func() { _ = web.Close() })
	defer stop()
	if err := web.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return failed(err)
	}
	return nil
}
