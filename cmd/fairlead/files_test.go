package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"image"
	"image/png"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func cmdPerm(ts *testscript.TestScript, args []string) {
	need(ts, "perm MODE FILE…", args, 2, len(args)+2)
	want, err := strconv.ParseUint(args[0], 8, 32)
	ts.Check(err)
	for _, pattern := range args[1:] {
		files, err := filepath.Glob(ts.MkAbs(pattern))
		ts.Check(err)
		if len(files) == 0 {
			ts.Fatalf("there is no %s", pattern)
		}
		for _, file := range files {
			info, err := os.Stat(file)
			ts.Check(err)
			if got := info.Mode().Perm(); got != fs.FileMode(want) {
				ts.Fatalf("%s has mode %04o, want %04o", file, got, want)
			}
		}
	}
}

func cmdHolds(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, "holds TEXT PATH…", args, 2, len(args)+2)
	text := []byte(args[0])
	if len(text) == 0 {
		ts.Fatalf("an empty text is everywhere")
	}
	searched, held := 0, ""
	for _, root := range args[1:] {
		ts.Check(filepath.WalkDir(ts.MkAbs(root), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			searched++
			data, err := os.ReadFile(path)
			if bytes.Contains(data, text) {
				held = path
			}
			return err
		}))
	}
	switch {
	case searched == 0:
		ts.Fatalf("there is no file to search")
	case neg && held != "":
		ts.Fatalf("%s holds the text", held)
	case !neg && held == "":
		ts.Fatalf("none of %d files holds the text", searched)
	}
}

// cmdCertificate makes a self-signed certificate, valid for an hour.
func cmdCertificate(ts *testscript.TestScript, args []string) {
	need(ts, "certificate CERT KEY", args, 2, 2)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	ts.Check(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	write := func(file, kind string, der []byte) {
		ts.Check(os.WriteFile(ts.MkAbs(file), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	}
	write(args[0], "CERTIFICATE", certificate)
	write(args[1], "PRIVATE KEY", private)
}

// cmdPicture writes a picture, of one grey point.
func cmdPicture(ts *testscript.TestScript, args []string) {
	need(ts, "picture FILE", args, 1, 1)
	var b bytes.Buffer
	ts.Check(png.Encode(&b, image.NewGray(image.Rect(0, 0, 1, 1))))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b.Bytes(), 0o600))
}

func cmdField(ts *testscript.TestScript, args []string) {
	need(ts, "field NAME FILE VAR", args, 3, 3)
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), args[0]+": "); ok {
			ts.Setenv(args[2], value)
			return
		}
	}
	ts.Fatalf("%s has no line %q", args[1], args[0]+": …")
}
