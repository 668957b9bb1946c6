package main

import (
	"context"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/coder/websocket"
	"github.com/rogpeppe/go-internal/testscript"
)

func cmdSocket(ts *testscript.TestScript, args []string) {
	need(ts, "ws open|say|hear|ends|drop …", args, 2, 20)
	s := storyOf(ts)
	if args[0] == "open" {
		s.openSocket(ts, args[1:])
		return
	}
	conn := s.sockets[args[1]]
	if conn == nil {
		ts.Fatalf("there is no socket called %s", args[1])
	}
	switch args[0] {
	case "say":
		need(ts, "ws say NAME FRAME", args, 3, 3)
		s.noteCanaries(&request{body: []byte(args[2])})
		ts.Check(conn.Write(s.client.ctx, websocket.MessageText, []byte(args[2])))
	case "hear":
		need(ts, "ws hear NAME RE", args, 3, 3)
		s.hear(ts, conn, regexp.MustCompile(args[2]))
	case "ends":
		need(ts, "ws ends NAME CODE RE", args, 4, 4)
		s.expectEnd(ts, conn, args[2:])
	case "drop":
		_ = conn.CloseNow()
	default:
		ts.Fatalf("there is no ws %s", args[0])
	}
}

func (s *story) openSocket(ts *testscript.TestScript, args []string) {
	r := &request{header: make(map[string][]string)}
	var options websocket.DialOptions
	for len(args) > 2 && strings.HasPrefix(args[0], "-") {
		if args[0] == "-p" {
			options.Subprotocols = append(options.Subprotocols, args[1])
		} else {
			r.flag(ts, args[0], args[1])
		}
		args = args[2:]
	}
	need(ts, "ws open [FLAG…] NAME URL", args, 2, 2)
	s.noteCanaries(r)
	for _, p := range options.Subprotocols {
		if _, key, ok := strings.Cut(p, "."); ok {
			s.canaries[key] = true
		}
	}
	if _, ticket, ok := strings.Cut(args[1], "ticket="); ok && ticket != "" {
		s.canaries[ticket] = true
	}
	options.HTTPHeader = r.header
	ctx, cancel := context.WithTimeout(s.client.ctx, patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, args[1], &options)
	ts.Check(err)
	conn.SetReadLimit(-1)
	ts.Defer(func() { _ = conn.CloseNow() })
	s.sockets[args[0]] = conn
}

// hear reads frames as far as one that matches.
func (s *story) hear(ts *testscript.TestScript, conn *websocket.Conn, wanted *regexp.Regexp) {
	ctx, cancel := context.WithTimeout(s.client.ctx, patience)
	defer cancel()
	var all strings.Builder
	for {
		_, text, err := conn.Read(ctx)
		if err != nil {
			ts.Fatalf("no frame matched %q: %v; there were:\n%s", wanted, err, all.String())
		}
		all.Write(append(text, '\n'))
		if wanted.Match(text) {
			s.document = text
			_, _ = ts.Stdout().Write([]byte(all.String()))
			return
		}
	}
}

// expectEnd reads on to the end of a socket, which must have that code and reason.
func (s *story) expectEnd(ts *testscript.TestScript, conn *websocket.Conn, want []string) {
	code, reason := want[0], regexp.MustCompile(want[1])
	ctx, cancel := context.WithTimeout(s.client.ctx, patience)
	defer cancel()
	for {
		_, _, err := conn.Read(ctx)
		if err == nil {
			continue
		}
		closed, ok := errors.AsType[websocket.CloseError](err)
		if !ok || strconv.Itoa(int(closed.Code)) != code || !reason.MatchString(closed.Reason) {
			ts.Fatalf("the socket ended with %v, want %s %q", err, code, reason)
		}
		return
	}
}
