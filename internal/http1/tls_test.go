package http1

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// keys makes the two sides' configurations of a server called upstream. It is
// valid whatever the clock of a bubble says.
func keys(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		DNSNames:     []string{"upstream"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:    time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	server = &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		NextProtos:   []string{"h2", "http/1.1"},
	}
	return server, &tls.Config{RootCAs: roots}
}

// secretly serves by serve over TLS.
func secretly(cfg *tls.Config, serve func(n int, conn net.Conn)) func(int, net.Conn) {
	return func(n int, conn net.Conn) {
		secure := tls.Server(conn, cfg)
		defer secure.Close()
		serve(n, secure)
	}
}

// protocol is what TLS agreed on.
func protocol(conn net.Conn) string {
	if secure, ok := conn.(*tls.Conn); ok {
		return secure.ConnectionState().NegotiatedProtocol
	}
	return ""
}

// cutBelow ends the connection below TLS.
func cutBelow(conn net.Conn) {
	if secure, ok := conn.(*tls.Conn); ok {
		secure.NetConn().Close()
	}
}

func TestTLS(t *testing.T) {
	server, settings := keys(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		server := server.Clone()
		server.MaxVersion = version
		body := bytes.Repeat([]byte("long "), 50<<10)
		requests := 0
		address := listening(t, func(conn net.Conn) {
			secretly(server, serving(func(_ int, _ *http.Request, conn net.Conn) bool {
				if got := protocol(conn); got != "http/1.1" {
					t.Errorf("negotiated %q, want http/1.1", got)
				}
				requests++
				return say(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n0\r\n\r\n")
			}))(1, conn)
		})
		w := &world{Client: client(t, "https://"+address, Settings{
			TLS: settings, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, ConnectTimeout: 10 * time.Second,
		})}
		for range 3 {
			w.ask(t.Context(), &Request{Method: "POST", Target: "/", Body: body}).want(t, "yes")
		}
		// In TLS 1.3 tickets lie on the kept connection, which are no stray bytes.
		if got := w.Stats(); got.Dialled != 1 || got.Reused != 2 || requests != 3 {
			t.Errorf("%s: got %+v and %d requests, want one connection for 3", tls.VersionName(version), got, requests)
		}
	}
}

func TestTLSThatIsNotTrusted(t *testing.T) {
	server, _ := keys(t)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Settings{TLS: &tls.Config{}, MaxConnections: 1}, secretly(server, saying(whole(""))))
		for range 2 { // the place is given back
			g := w.ask(t.Context(), post("x"))
			_, dial := errors.AsType[*DialError](g.err)
			_, unknown := errors.AsType[*tls.CertificateVerificationError](g.err)
			if !dial || !unknown {
				t.Errorf("got %v, want a DialError of verification", g.err)
			}
			g.wantFar(t, before)
		}
	})
}

// Without TLS's own end, the end of a connection is no end of a body: anybody
// on the way can make it.
func TestUntilCloseOverTLS(t *testing.T) {
	server, settings := keys(t)
	for name, bare := range map[string]bool{"with close_notify": false, "without": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Settings{TLS: settings}, func(_ int, conn net.Conn) {
					secure := tls.Server(conn, server)
					serving(func(_ int, _ *http.Request, conn net.Conn) bool {
						say(conn, "HTTP/1.1 200 OK\r\n\r\nhello")
						return false
					})(1, secure)
					if !bare {
						secure.Close()
					}
				})
				g := w.ask(t.Context(), post("x"))
				if !bare {
					g.want(t, "hello")
					return
				}
				g.wantCut(t, InBody, answered)
			})
		})
	}
}

func TestKeptTLSIsLookedAt(t *testing.T) {
	server, settings := keys(t)
	for name, after := range map[string]func(conn net.Conn){
		"closed":         func(conn net.Conn) { conn.Close() },
		"cut":            cutBelow,
		"a stray answer": func(conn net.Conn) { say(conn, whole("stray")) },
	} {
		t.Run(name, func(t *testing.T) {
			step := make(chan struct{})
			requests := 0
			address := listening(t, func(conn net.Conn) {
				secretly(server, serving(func(_ int, _ *http.Request, conn net.Conn) bool {
					requests++
					say(conn, whole("right"))
					if requests > 1 {
						return false
					}
					<-step
					after(conn)
					step <- struct{}{}
					return hang(conn)
				}))(1, conn)
			})
			w := &world{Client: client(t, "https://"+address, Settings{TLS: settings})}
			w.ask(t.Context(), post("x")).want(t, "right")
			step <- struct{}{}
			<-step
			waitReadable(t, w.Client)
			w.ask(t.Context(), post("x")).want(t, "right")
			if got := w.Stats(); got.Dialled != 2 || got.Reused != 0 || got.Stale != 0 {
				t.Errorf("got %+v, want a second dial and no retry", got)
			}
		})
	}
}

// Idle connections over TLS are told the end, but not waited for.
func TestFarewell(t *testing.T) {
	server, settings := keys(t)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Settings{TLS: settings}, func(_ int, conn net.Conn) {
			secure := tls.Server(conn, server)
			serving(func(_ int, _ *http.Request, conn net.Conn) bool { return say(conn, whole("bye")) })(1, secure)
			// The last read has failed; the other side hangs up or not.
			var p [1]byte
			if _, err := secure.Read(p[:]); !errors.Is(err, io.EOF) {
				t.Errorf("the server's last read got %v, want io.EOF of a close_notify", err)
			}
		})
		w.ask(t.Context(), post("x")).want(t, "bye")
		began := time.Now()
		w.Close()
		if time.Since(began) > farewell {
			t.Errorf("Close took %v, want at most %v", time.Since(began), farewell)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		deaf := make(chan struct{})
		w := newWorld(t, Settings{TLS: settings, WriteTimeout: time.Second}, func(_ int, conn net.Conn) {
			secure := tls.Server(conn, server)
			asked := false
			serving(func(_ int, _ *http.Request, conn net.Conn) bool { asked = true; say(conn, whole("bye")); return false })(1, secure)
			if asked {
				<-deaf // it reads no more, and does not close
			}
		})
		w.ask(t.Context(), post("x")).want(t, "bye")
		<-time.After(time.Minute) // the deadline of its writes is past
		began := time.Now()
		w.Close()
		if time.Since(began) != farewell {
			t.Errorf("Close took %v, want %v", time.Since(began), farewell)
		}
		close(deaf)
	})
}

func TestCancelOfAHandshake(t *testing.T) {
	_, settings := keys(t)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Settings{TLS: settings}, func(_ int, conn net.Conn) { hang(conn) })
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		g := w.ask(ctx, post("x"))
		g.wantErr(t, context.Canceled, before)
		if g.took != time.Second {
			t.Errorf("took %v, want 1s", g.took)
		}
	})
}
