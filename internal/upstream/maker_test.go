package upstream

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
)

// marked is a usual provider whose deployments have the marks 1, 2 and so on.
func marked(name string, ways ...*fake) Provider {
	p := usual(name, ways...)
	for i := range p.Deployments {
		p.Deployments[i].Mark = string(rune('1' + i))
	}
	return p
}

func madeBy(provider, key string) fairlead.Past {
	return fairlead.Past{Maker: fairlead.Maker{Provider: provider, Key: key}}
}

// resume makes a call that continues what came before.
func (b *bed) resume(ctx context.Context, past fairlead.Past, targets ...fairlead.Target) (*fairlead.Call, error) {
	var s sink
	call := newCall("a", targets...)
	err := b.Answer(ctx, call, &fairlead.Request{Dialect: fairlead.OpenAIResponses, Past: past}, s.emit)
	return call, err
}

// TestTheMakerAnswers whoever else could, and has less to do.
func TestTheMakerAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ways := []*fake{fine(), fine(), fine()}
		other := fine()
		p := marked("p", ways...)
		p.Deployments[1].Weight = 1000
		p.Weight = 1
		q := marked("q", other)
		q.Weight = 1000
		b := newBed(q, p)
		for range 20 {
			call, err := b.resume(t.Context(), madeBy("p", "3"), to("q"), to("p"))
			if err != nil || call.Targets()[0] != to("p") {
				t.Fatalf("error %v, targets %v", err, call.Targets())
			}
		}
		if ways[2].count() != 20 || ways[0].count()+ways[1].count()+other.count() > 0 {
			t.Errorf("%d calls of the maker, %d, %d and %d of others", ways[2].count(), ways[0].count(), ways[1].count(), other.count())
		}
		b.checkIdle(t)
	})
}

// TestTheMakerAloneIsTriedAgain: a failure leads to no other key, provider or model.
func TestTheMakerAloneIsTriedAgain(t *testing.T) {
	for _, c := range []struct {
		name  string
		err   error
		times int
		calls int
		code  string
	}{
		{"once", status(500), 1, 2, ""},
		{"for ever", status(500), -1, 3, "upstream_error"},
		{"for good", status(401), -1, 1, "upstream_error"},
		{"with a pause", holding(429, 2*time.Second), 1, 2, ""},
		{"with a longer pause than is waited for", holding(429, time.Minute), -1, 1, "provider_rate_limited"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				maker, sibling, fallback := failing(c.err, c.times), fine(), fine()
				b := newBed(marked("p", sibling, maker), marked("q", fallback))
				call, err := b.resume(t.Context(), madeBy("p", "2"), to("p"), to("q"), fairlead.Target{Provider: "p", Model: "other"})
				if codeOf(err) != c.code || maker.count() != c.calls || len(call.Attempts()) != c.calls {
					t.Errorf("error %v after %d calls, want %q after %d", err, maker.count(), c.code, c.calls)
				}
				if sibling.count()+fallback.count() > 0 {
					t.Errorf("%d calls of its sibling, %d of the fallback", sibling.count(), fallback.count())
				}
				b.checkIdle(t)
			})
		})
	}
}

// TestTheMakerIsNotHedged, however slow it is.
func TestTheMakerIsNotHedged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, quick := after(time.Minute, nil), fine()
		p := hedged(slow, quick)
		p.Deployments[0].Mark, p.Deployments[1].Mark = "1", "2"
		other := marked("q", fine())
		other.Hedge = p.Hedge
		b := newBed(p, other)
		began := time.Now()
		_, err := b.resume(t.Context(), madeBy("p", "1"), to("p"), to("q"))
		if took := time.Since(began); err != nil || took != time.Minute || quick.count() != 0 {
			t.Errorf("after %v: %v, %d calls of the other", took, err, quick.count())
		}
		b.checkIdle(t)
	})
}

// TestTheMakerIsWaitedFor while it asked to be left alone.
func TestTheMakerIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		maker, sibling := failing(holding(429, 20*time.Second), 1), fine()
		b := newBed(marked("p", maker, sibling))
		if _, err := b.resume(t.Context(), madeBy("p", "1"), to("p")); err != nil || maker.count() != 2 || sibling.count() != 0 {
			t.Errorf("error %v, %d and %d calls", err, maker.count(), sibling.count())
		}
		b.checkIdle(t)
	})
}

func TestTheMakerIsGone(t *testing.T) {
	for name, past := range map[string]fairlead.Past{
		"its key": madeBy("p", "9"), "its provider": madeBy("x", "1"), "for this model": madeBy("r", "1"), "its key is not marked": madeBy("p", ""),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(marked("p", fine()), marked("q", fine()), marked("r", fine()))
				call, err := b.resume(t.Context(), past, to("p"), to("q"))
				e := fairlead.AsError(err)
				if e == nil || e.Kind != fairlead.Invalid || e.Code != "previous_response_not_found" || e.Param != "previous_response_id" {
					t.Errorf("got %+v", e)
				}
				if len(call.Attempts()) != 0 {
					t.Errorf("%d attempts", len(call.Attempts()))
				}
				past.Items = []byte(`{"type":"message"}`)
				if _, err := b.resume(t.Context(), past, to("p"), to("q")); err != nil {
					t.Errorf("with the conversation: %v", err)
				}
				b.checkIdle(t)
			})
		})
	}
}

// TestTheMakerWasAFallback: then it is asked again for its own model.
func TestTheMakerWasAFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, maker := fine(), fine()
		b := newBed(marked("p", first), marked("q", maker))
		call, err := b.resume(t.Context(), madeBy("q", "1"), to("p"), fairlead.Target{Provider: "q", Model: "other"})
		if err != nil || first.count() != 0 || maker.count() != 1 || call.Targets()[0].Model != "other" {
			t.Errorf("error %v, %d and %d calls, targets %v", err, first.count(), maker.count(), call.Targets())
		}
	})
}
