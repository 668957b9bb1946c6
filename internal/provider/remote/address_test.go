package remote

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
)

// The address is checked at the moment of dialling, whatever the name was
// resolved to when.
func TestRebindingIsRefused(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for host, code := range map[string]string{
		"http://api.example.com": "provider_address_refused", "https://api.example.com": "provider_address_refused",
		"http://upstream.local": "upstream_truncated",
	} {
		p, err := New(Config{
			Name: "acme", BaseURL: host + "/v1", APIKey: "sk-1", Language: testLanguage(), HTTP2: strings.HasPrefix(host, "https:"),
		})
		if err != nil {
			t.Fatal(err)
		}
		dial := p.connect
		p.connect = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dial(ctx, network, listener.Addr().String()) // what the DNS says
		}
		met := make(chan struct{})
		if code == "upstream_truncated" {
			go func() {
				defer close(met)
				if conn, err := listener.Accept(); err == nil {
					conn.Close()
				}
			}()
		}
		_, err = p.Models(ctx)
		if e := fairlead.AsError(err); e == nil || e.Code != code || e.Kind != fairlead.Upstream {
			t.Errorf("%s: got the error %v, want %s", host, err, code)
		} else if told := e.Message + e.Detail; strings.Contains(told, "127.0.0.1") {
			t.Errorf("%s: the caller is told the address: %q", host, told)
		}
		if code == "upstream_truncated" {
			<-met
		}
		p.Close()
	}
}

func TestNewRefuses(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no URL":          {},
		"no scheme":       {BaseURL: "api.openai.com/v1"},
		"other scheme":    {BaseURL: "ftp://api.openai.com"},
		"no host":         {BaseURL: "https:///v1"},
		"a user":          {BaseURL: "https://user:secret-word@api.openai.com/v1"},
		"a query":         {BaseURL: "https://api.openai.com/v1?key=secret-word"},
		"an empty query":  {BaseURL: "https://api.openai.com/v1?"},
		"not a URL":       {BaseURL: "https://user:secret-word@api .com/%"},
		"a metadata host": {BaseURL: "http://169.254.169.254/v1"},
		"HTTP/2 in clear": {BaseURL: "http://api.openai.com/v1", HTTP2: true},
		"a broken key":    {BaseURL: "https://api.openai.com/v1", APIKey: "secret-word\n"},
	} {
		_, err := New(cfg)
		if err == nil {
			t.Errorf("%s: got no error", name)
		} else if strings.Contains(err.Error(), "secret-word") {
			t.Errorf("%s: the error tells the secret: %v", name, err)
		}
	}
}
