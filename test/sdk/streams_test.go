package sdk_test

import (
	"testing"
)

// streamApp is the app of the tests about streams. It has no limits.
const streamApp = "streams"

// TestStreams: what clients read of an answer, however it is cut on its way to
// them, and what SDKs show of one that the upstream did not finish.
func TestStreams(t *testing.T) {
	t.Parallel()
	s := startStreams(t, binaryPath(t))
	t.Run("go-cuts", func(t *testing.T) { testGoCuts(t, s) })
	node, python := nodeBinary(), pythonBinary()
	for _, script := range []struct {
		sdk
		binary string
	}{
		{sdk{name: "frames", file: "node/frames.mjs", least: 45}, node},
		{sdk{name: "cuts", file: "node/cuts.mjs", least: 60}, node},
		{sdk{name: "python-cuts", file: "python/cuts.py", least: 24}, python},
	} {
		t.Run(script.name, func(t *testing.T) {
			t.Parallel()
			s.script(t, script.sdk, script.binary)
		})
	}
}

// startStreams starts the mock and two services: one with room, and as the busy
// one another that has one slot and soon says so to whoever waits for it.
func startStreams(t *testing.T, binary string) *stack {
	t.Helper()
	s := &stack{mockKey: newKey(), keys: map[string]string{streamApp: newKey()}, providers: "breaker: {failure_rate: 0}\n      retry: {max_attempts: 1}"}
	s.startMock(t, binary)
	s.service = s.serve(t, binary, "max_concurrent_requests: 20\n  burst: {requests_per_second: 0}")
	s.busy = s.serve(t, binary, "max_concurrent_requests: 1\n  queue_heartbeat_after: 50ms\n  burst: {requests_per_second: 0}")
	return s
}
