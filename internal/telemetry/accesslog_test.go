package telemetry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
)

// lineOf records r and returns its line of the access log.
func lineOf(t *testing.T, r *fairlead.Record) map[string]any {
	t.Helper()
	var out bytes.Buffer
	var line map[string]any
	New(Options{Logger: slog.New(slog.NewJSONHandler(&out, nil))}).Record(r)
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("the log is not one JSON line: %v: %s", err, out.String())
	}
	delete(line, "time")
	return line
}

func TestLineOfASuccess(t *testing.T) {
	got := lineOf(t, chatRecord())
	want := map[string]any{
		"level": "INFO", "msg": "request", "request_id": "req_7_1753019000", "app": "crm", "operation": "chat",
		"face": "native", "outcome": "ok", "provider": "openai", "model": "gpt-4o-mini", "stream": false,
		"waited_ms": 200.0, "first_content_ms": 700.0, "duration_ms": 3000.0, "attempts": 2.0,
		"input_tokens": 11.0, "output_tokens": 5.0, "bytes_in": 100.0, "bytes_out": 900.0,
	}
	if len(got) != len(want) {
		t.Errorf("line has %d keys, want %d: %v", len(got), len(want), got)
	}
	for key, value := range want {
		if got[key] != value {
			t.Errorf("%s = %v, want %v", key, got[key], value)
		}
	}
}

func TestLevels(t *testing.T) {
	want := map[fairlead.Kind]string{
		fairlead.Internal: "ERROR",
		fairlead.Limited:  "WARN", fairlead.Busy: "WARN", fairlead.Late: "WARN", fairlead.Upstream: "WARN",
		fairlead.Invalid: "INFO", fairlead.Forbidden: "INFO", fairlead.NotFound: "INFO", fairlead.TooLarge: "INFO",
		fairlead.WrongType: "INFO", fairlead.Unsupported: "INFO", fairlead.Canceled: "INFO",
	}
	for kind, level := range want {
		r := chatRecord()
		r.Err = &fairlead.Error{Kind: kind, Code: "some_code"}
		got := lineOf(t, r)
		if got["level"] != level || got["outcome"] != kind.String() || got["code"] != "some_code" {
			t.Errorf("%s: level %v, outcome %v, code %v", kind, got["level"], got["outcome"], got["code"])
		}
	}
}

func TestErrorTextOnlyWhereAnOperatorNeedsIt(t *testing.T) {
	for _, kind := range []fairlead.Kind{fairlead.Internal, fairlead.Upstream} {
		r := chatRecord()
		r.Err = &fairlead.Error{Kind: kind, Code: "upstream_error", Status: 502, Err: fmt.Errorf("reading the answer: %w", errBoom)}
		got := lineOf(t, r)
		if got["error"] != "reading the answer: connection reset" || got["upstream_status"] != 502.0 {
			t.Errorf("%s: error %v, upstream_status %v", kind, got["error"], got["upstream_status"])
		}
	}
	long := chatRecord()
	long.Err = &fairlead.Error{Kind: fairlead.Internal, Code: "internal_error", Err: fmt.Errorf("%s", strings.Repeat("x", 5000))}
	if got := lineOf(t, long); len(fmt.Sprint(got["error"])) != maxErrorLength {
		t.Errorf("error text has %d bytes, want %d", len(fmt.Sprint(got["error"])), maxErrorLength)
	}
}

// Whatever a caller or an upstream can write into a Record stays out of the
// log, and out of the metrics.
func TestNothingOfCallersIsTold(t *testing.T) {
	const canary = "CANARY-prompt 4111"
	records := map[string]*fairlead.Record{}
	for _, kind := range []fairlead.Kind{
		fairlead.Invalid, fairlead.Unauthenticated, fairlead.Forbidden, fairlead.NotFound, fairlead.NotAllowed, fairlead.TooLarge,
		fairlead.WrongType, fairlead.Unsupported, fairlead.Limited, fairlead.Busy, fairlead.Late, fairlead.Canceled,
	} {
		r := chatRecord()
		r.Target = fairlead.Target{}
		r.Model = canary
		r.Err = &fairlead.Error{
			Kind: kind, Code: canary, Message: canary, Detail: canary, Param: canary,
			RetryAfter: time.Second, Err: fmt.Errorf("%s", canary),
		}
		records[kind.String()] = r
	}
	for _, kind := range []fairlead.Kind{fairlead.Internal, fairlead.Upstream} {
		r := chatRecord()
		r.Model = canary
		r.Err = &fairlead.Error{Kind: kind, Code: canary, Message: canary, Detail: canary, Param: canary, Err: errBoom}
		records[kind.String()] = r
	}
	wild := chatRecord()
	wild.Model, wild.Target.Model = canary, canary
	records["a target of any name"] = wild

	for what, r := range records {
		var out bytes.Buffer
		tel := New(Options{Logger: slog.New(slog.NewJSONHandler(&out, nil))})
		tel.Record(r)
		if out.Len() == 0 {
			t.Errorf("%s: no line", what)
		}
		if strings.Contains(out.String(), "CANARY") {
			t.Errorf("%s: the log tells what a caller wrote: %s", what, out.String())
		}
		if strings.Contains(mustScrape(t, tel.Handler(ByApp)), "CANARY") {
			t.Errorf("%s: the metrics tell what a caller wrote", what)
		}
	}
}

func TestAliasIsLoggedBesideItsTarget(t *testing.T) {
	r := chatRecord()
	r.Model = "fast"
	got := lineOf(t, r)
	if got["model"] != "gpt-4o-mini" || got["asked_model"] != "fast" {
		t.Errorf("model %v, asked_model %v", got["model"], got["asked_model"])
	}
}

func TestFloodOfRefusalsIsThinned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		seen := New(Options{Logger: slog.New(slog.NewJSONHandler(&out, nil))})
		refused := chatRecord()
		refused.Err = &fairlead.Error{Kind: fairlead.Limited, Code: "rate_limit_requests"}
		for range 1000 {
			seen.Record(refused)
		}
		seen.Record(chatRecord()) // what was served is always told
		if got := strings.Count(out.String(), "\n"); got != refusalLines+1 {
			t.Errorf("%d lines of 1000 refusals and one answer, want %d", got, refusalLines+1)
		}
		out.Reset()
		<-time.After(time.Second)
		seen.Record(refused)
		if want := fmt.Sprintf(`"refusals_not_logged":%d`, 1000-refusalLines); !strings.Contains(out.String(), want) {
			t.Errorf("the next line %s does not say %s", out.String(), want)
		}
		if got := seen.Totals().Records; got != 1002 {
			t.Errorf("%d Records counted, want all 1002", got)
		}
	})
}
