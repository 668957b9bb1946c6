package alert

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Whatever a transport says, in whatever it wraps the address, the log has our
// own words.
func TestTheAddressIsInNoLog(t *testing.T) {
	for want, err := range map[string]error{
		"the connection failed":                  errors.New("canary-host.example refused cAnArYpath"),
		"the host's name cannot be resolved":     &net.DNSError{Err: "no such host", Name: "canary-host.example", IsNotFound: true},
		"the host cannot be connected to":        &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("canary-host.example")},
		"no answer in time":                      fmt.Errorf("%s: %w", hookURL, context.DeadlineExceeded),
		"the service ended before the answer":    &url.Error{Op: "Post", URL: hookURL, Err: context.Canceled},
		"answered with status 500":               nil,
		"post after 5 attempts: the connection ": &url.Error{Op: "Post", URL: hookURL, Err: errors.New("cAnArYquery")},
	} {
		answer := func(int, *http.Request) (*http.Response, error) {
			if err != nil {
				return nil, err
			}
			return status(500, "X-Echo: "+hookURL), nil
		}
		synctest.Test(t, func(t *testing.T) {
			m, h := begin(t, answer) // which looks for the address in the end
			raise(m, "crm")
			after(10 * time.Minute)
			synctest.Wait()
			if !strings.Contains(h.log.String(), want) {
				t.Errorf("got no %q in the log:\n%s", want, h.log)
			}
		})
	}
}

func TestTheAddressIsInNoErrorOfNew(t *testing.T) {
	for _, address := range []string{
		"ftp://canary.example/", "https://canary\x7f/", "canary", "https://u:canary@/x", "http://canary:port/", "://canary", "https://[canary/",
	} {
		c := seedConfig()
		c.Webhook = address
		if _, err := New(c); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: got error %v, want one without the address", address, err)
		}
	}
}

// The monitor's own transport, against sockets of this machine.
func TestOwnTransport(t *testing.T) {
	posts := make(chan string, 1)
	open := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { posts <- r.Method + " " + r.URL.Path }))
	defer open.Close()
	hook, err := newWebhook(open.URL+"/hook", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := hook.post(t.Context(), []byte("{}")); err != nil {
		t.Fatalf("got %v, want the message accepted", err)
	}
	if got, want := <-posts, "POST /hook"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}

	unknown := httptest.NewUnstartedServer(nil)
	unknown.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	unknown.StartTLS()
	defer unknown.Close()
	closed := httptest.NewServer(nil)
	closed.Close()
	for address, want := range map[string]string{
		unknown.URL: "the host's certificate is not accepted",
		closed.URL:  "the host cannot be connected to",
	} {
		hook, err := newWebhook(address, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := hook.post(t.Context(), []byte("{}")); err == nil || err.reason != want || err.permanent {
			t.Errorf("got %+v, want %q, which may pass", err, want)
		}
	}
}
