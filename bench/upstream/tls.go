package upstream

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"sync"
	"time"
)

// certificateLife is for how long a certificate holds: longer than any run.
const certificateLife = 24 * time.Hour

// Front speaks TLS before a Server of the same process: each connection is
// decrypted and handed on. Start with Run.
type Front struct {
	listener net.Listener
	behind   string
	// PEM is the certificate, for those who are to trust it.
	PEM []byte
}

// NewFront listens on 127.0.0.1, with a certificate made for it, before the
// server on that port.
func NewFront(ctx context.Context, port int) (*Front, error) {
	certificate, text, err := selfSigned()
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	plain, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	return &Front{listener: tls.NewListener(plain, config), behind: fmt.Sprintf("127.0.0.1:%d", port), PEM: text}, nil
}

// Address is the host and the port on which it listens.
func (f *Front) Address() string { return f.listener.Addr().String() }

// Run serves until ctx ends, and until its connections have ended by that.
func (f *Front) Run(ctx context.Context) {
	var group sync.WaitGroup
	defer group.Wait()
	stop := context.AfterFunc(ctx, func() { f.listener.Close() })
	defer stop()
	for {
		conn, err := f.listener.Accept()
		if err != nil {
			return
		}
		group.Go(func() { f.pass(ctx, conn) })
	}
}

// pass copies both ways until either side ends.
func (f *Front) pass(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	behind, err := (&net.Dialer{}).DialContext(ctx, "tcp", f.behind)
	if err != nil {
		return
	}
	end := func() {
		behind.Close()
		conn.Close()
	}
	defer end()
	defer context.AfterFunc(ctx, end)()
	var back sync.WaitGroup
	back.Go(func() {
		defer end()
		_, _ = io.Copy(conn, behind)
	})
	_, _ = io.Copy(behind, conn)
	end()
	back.Wait()
}

// selfSigned makes a certificate for 127.0.0.1 and localhost.
func selfSigned() (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "the mock upstream"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(certificateLife),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IsCA: true,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}
