package jsonlog

import (
	"bytes"
	"errors"
	"log/slog"
	"math"
	"testing"
	"time"
)

// FuzzJSONLines: every record becomes the line that slog makes of it.
func FuzzJSONLines(f *testing.F) {
	f.Add("request", "app", "one", 1.5, int64(3), true, int64(1700000000123456789), 0)
	f.Add("request", "a\"b", "line\nbreak", 0.0, int64(-1), false, int64(1), -4)
	f.Add("ä", "", "\u2028<&>\x7f", 1e-7, int64(math.MinInt64), true, int64(0), 8)
	f.Add("", "time", "\xff", 1e21, int64(0), true, int64(-62135596800000000), 3)
	f.Fuzz(func(t *testing.T, message, key, text string, number float64, count int64, truth bool, at int64, level int) {
		attrs := []slog.Attr{
			slog.String("request_id", "req_1"), slog.String(key, text), slog.Float64("waited_ms", number), slog.Int64("n", count),
			slog.Bool(key, truth), slog.Float64("zero", 0), slog.String("last", text),
		}
		for n := range len(attrs) + 1 {
			r := slog.NewRecord(time.Unix(0, at), slog.Level(level), message, 0)
			r.AddAttrs(attrs[:n]...)
			sameLine(t, r)
			var got, want bytes.Buffer
			if New(&got).HandleLine(r.Time, r.Level, r.Message, attrs[:n]) {
				if err := slog.NewJSONHandler(&want, nil).Handle(t.Context(), r); err != nil || got.String() != want.String() {
					t.Fatalf("got  %s\nwant %s, %v", &got, &want, err)
				}
			} else if got.Len() > 0 {
				t.Fatalf("%q was written and refused", &got)
			}
		}
		r := slog.NewRecord(time.Unix(0, at), slog.Level(level), message, 0)
		r.AddAttrs(slog.Any("error", errors.New(text)), slog.Duration("d", time.Duration(count)), slog.Group("g", slog.String(key, text)))
		sameLine(t, r)
	})
}

func sameLine(t *testing.T, r slog.Record) {
	t.Helper()
	var got, want bytes.Buffer
	for _, with := range []func(h slog.Handler) slog.Handler{
		func(h slog.Handler) slog.Handler { return h },
		func(h slog.Handler) slog.Handler { return h.WithAttrs([]slog.Attr{slog.String("part", "x")}) },
		func(h slog.Handler) slog.Handler { return h.WithGroup("g") },
	} {
		gotErr, wantErr := with(New(&got)).Handle(t.Context(), r), with(slog.NewJSONHandler(&want, nil)).Handle(t.Context(), r)
		if (gotErr == nil) != (wantErr == nil) || got.String() != want.String() {
			t.Fatalf("got  %s, %v\nwant %s, %v", &got, gotErr, &want, wantErr)
		}
	}
}

// forgetful takes what is written to it, and forgets it.
type forgetful struct{}

func (*forgetful) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkJSONLines is the line of a call, beside slog's own handler.
func BenchmarkJSONLines(b *testing.B) {
	for name, h := range map[string]slog.Handler{"ours": New(&forgetful{}), "slog": slog.NewJSONHandler(&forgetful{}, nil)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := slog.NewRecord(time.Now(), slog.LevelInfo, "request", 0)
				r.AddAttrs(slog.String("request_id", "req_123_1700000000"), slog.String("app", "bench"), slog.String("outcome", "ok"),
					slog.Float64("waited_ms", 0), slog.Float64("first_content_ms", 12.345), slog.Float64("duration_ms", 45.678),
					slog.Int("input_tokens", 120), slog.Int("output_tokens", 10), slog.Bool("stream", false))
				if err := h.Handle(b.Context(), r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
