package server

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestProofTimedSlowhttptest: what slowhttptest does in its three modes with two
// thousand connections ends with all of them cut off, and nobody else notices it. The
// attacks of attack_test.go are harder; this is the tool that others would take.
func TestProofTimedSlowhttptest(t *testing.T) {
	tool, err := exec.LookPath("slowhttptest")
	if !proof() || err != nil {
		t.Skip("a proof, which needs slowhttptest")
	}
	for _, mode := range []struct {
		name, path, options string
		come                int // how many of them are there at a time, at least
	}{
		{"slow headers", "/chat/completion", "-H -i 5", 1000},
		{"slow body", "/chat/completion", "-B -i 5 -s 8192", 0}, // they have no key, and are refused at once
		{"slow read", "/ui/chat", "-X -n 2 -w 10 -y 100 -z 32 -k 5", 1000},
	} {
		t.Run(mode.name, func(t *testing.T) {
			s, c := start(t, siegeConfig), newClient(t)
			calls := order{Addr: s.Addr().String(), Request: chatRequest(slowKey, "up/mock"), Conns: 20, Rate: 100, Span: 5 * time.Second}
			c.send(t, order{Addr: calls.Addr, Request: calls.Request, Conns: 20, Count: 500}) // all is warm then
			idle := c.send(t, calls)
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			arguments := append(strings.Fields(mode.options), "-c", "2000", "-r", "500", "-l", "120", "-p", "5", "-u", s.url+mode.path)
			attack := exec.CommandContext(ctx, tool, arguments...)
			said := make(chan string, 1)
			go func() {
				text, err := attack.CombinedOutput()
				if err != nil {
					text = append(text, err.Error()...)
				}
				said <- string(text)
			}()
			eventually(t, "the attackers come", func() bool { return s.clients.Stats().Most >= mode.come })
			besieged := c.send(t, calls)
			t.Logf("%d connections at most: p99 %v alone, %v with them", s.clients.Stats().Most, idle.at(0.99), besieged.at(0.99))
			if len(besieged.Statuses) != 1 || besieged.Statuses[200] == 0 {
				t.Errorf("calls ended as %v, want 200 alone", besieged.Statuses)
			}
			const floor = 5 * time.Millisecond // what a machine does by itself now and then
			if besieged.at(0.99) > max(2*idle.at(0.99), floor) {
				t.Errorf("the p99 of others is %v with the attackers, more than twice %v", besieged.at(0.99), idle.at(0.99))
			}
			text := <-said
			if !strings.Contains(text, "No open connections left") {
				t.Errorf("not all were cut off; the tool's last words: %s", text[max(0, len(text)-800):])
			}
			t.Log(lastState(text))
		})
	}
}

// lastState is what the tool says last of its connections.
func lastState(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		for _, word := range []string{"initializing:", "pending:", "connected:", "error:", "closed:", "service available:", "Test ended on", "Exit status:"} {
			if strings.Contains(line, word) {
				lines = append(lines, strings.Join(strings.Fields(line), " "))
			}
		}
	}
	return strings.Join(lines[max(0, len(lines)-8):], "; ")
}
