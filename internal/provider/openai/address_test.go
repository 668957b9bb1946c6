package openai

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
)

func TestReachOfHosts(t *testing.T) {
	for host, want := range map[string]reach{
		"api.openai.com": publicOnly, "llm.corp.example": publicOnly, "localhost.example.com": publicOnly,
		"evil.localdomain": publicOnly, "internal.example.com": publicOnly,
		"localhost": nearToo, "LOCALHOST.": nearToo, "ollama": nearToo, "box.local": nearToo, "llm.svc.cluster.local": nearToo,
		"host.docker.internal": nearToo, "nas.lan": nearToo, "gpu.home.arpa": nearToo, "x.localhost": nearToo,
		"127.0.0.1": nearToo, "::1": nearToo, "10.1.2.3": nearToo, "8.8.8.8": nearToo,
	} {
		if got, err := reachOf(host); err != nil || got != want {
			t.Errorf("reachOf(%q) = %v, %v; want %v", host, got, err, want)
		}
	}
	for _, host := range []string{"169.254.169.254", "0.0.0.0", "::", "fe80::1", "fd00:ec2::254", "::ffff:169.254.169.254", "224.0.0.1"} {
		if _, err := reachOf(host); !errors.Is(err, errAddress) {
			t.Errorf("reachOf(%q): got %v, want a refusal", host, err)
		}
	}
}

func TestAddressesThatAreDialled(t *testing.T) {
	const never, near, all = "never", "near", "all"
	for raw, who := range map[string]string{
		"169.254.169.254": never, "169.254.0.1": never, "fe80::1": never, "fe80::1%eth0": never, "febf::1": never,
		"100.100.100.200": never, "fd00:ec2::254": never, "fd20:ce::254": never, "168.63.129.16": never,
		"224.0.0.1": never, "ff02::1": never, "0.0.0.0": never, "0.1.2.3": never, "::": never, "255.255.255.255": never,
		"::ffff:169.254.169.254": never, "::ffff:0.0.0.0": never, "64:ff9b::a9fe:a9fe": never,
		"127.0.0.1": near, "127.8.8.8": near, "::1": near, "10.0.0.1": near, "172.16.0.1": near, "172.31.255.255": near,
		"192.168.1.1": near, "fc00::1": near, "fd12::1": near, "::ffff:127.0.0.1": near, "::ffff:10.0.0.1": near, "64:ff9b::7f00:1": near,
		"8.8.8.8": all, "172.32.0.1": all, "100.100.100.201": all, "2606:4700::1111": all, "64:ff9b::808:808": all,
	} {
		addr := netip.MustParseAddr(raw)
		if got, want := publicOnly.check(addr) == nil, who == all; got != want {
			t.Errorf("a public name may be at %s: %v, want %v", raw, got, want)
		}
		if got, want := nearToo.check(addr) == nil, who != never; got != want {
			t.Errorf("a near name may be at %s: %v, want %v", raw, got, want)
		}
	}
}

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
	for host, code := range map[string]string{"api.example.com": "provider_address_refused", "upstream.local": "upstream_truncated"} {
		p, err := New(Config{Name: "acme", BaseURL: "http://" + host + "/v1", APIKey: "sk-1"})
		if err != nil {
			t.Fatal(err)
		}
		dial := p.dialer.connect
		p.dialer.connect = func(ctx context.Context, network, _ string) (net.Conn, error) {
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
