package upstream

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/admission"
)

// choosy is a model that refuses requests before their turn, or prepares them.
type choosy struct {
	*fake
	t        *testing.T
	refusal  error
	prepared int
}

// work is what choosy prepares.
type work struct{ model string }

func (c *choosy) Prepare(_ *fairlead.Call, req *fairlead.Request) error {
	c.prepared++
	if c.refusal == nil {
		req.Prepared = work{req.Envelope.Model}
	}
	return c.refusal
}

func (c *choosy) Answer(ctx context.Context, call *fairlead.Call, req *fairlead.Request, emit fairlead.Emit) error {
	if got := req.Prepared; got != (work{req.Envelope.Model}) {
		c.t.Errorf("got %v prepared for %q", got, req.Envelope.Model)
	}
	return c.fake.Answer(ctx, call, req, emit)
}

// fussy is a provider whose model is choosy; refuses says what it does not take,
// "" that it takes the request.
func fussy(t *testing.T, name, refuses string) (Provider, *choosy) {
	t.Helper()
	c := &choosy{fake: fine(), t: t}
	if refuses != "" {
		c.refusal = &fairlead.Error{Kind: fairlead.Invalid, Code: refuses}
	}
	p := usual(name)
	p.Deployments = []Deployment{{Model: c}}
	return p, c
}

// TestWhatNobodyTakesDoesNotWait: it is refused although no slot is free, and has
// cost nothing.
func TestWhatNobodyTakesDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, one := fussy(t, "first", "no_such_field")
		second, two := fussy(t, "second", "nor_that")
		b := bedOf(Config{Providers: []Provider{first, second, usual("busy", fine())}}, admission.Config{Slots: 1})
		done := make(chan error, 1)
		go func() {
			_, err := b.ask(t.Context(), newCall("a", to("busy")))
			done <- err
		}()
		synctest.Wait() // the only slot is taken
		began := time.Now()
		call := newCall("a", to("first"), to("second"))
		_, err := b.ask(t.Context(), call)
		if codeOf(err) != "no_such_field" || time.Since(began) != 0 || call.Slotted() || len(call.Attempts()) > 0 {
			t.Errorf("told %v after %v, slotted %t, attempts %v", err, time.Since(began), call.Slotted(), call.Attempts())
		}
		if one.prepared != 1 || two.prepared != 1 || one.count()+two.count() != 0 {
			t.Errorf("prepared %d and %d times, asked %d and %d", one.prepared, two.prepared, one.count(), two.count())
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		b.checkIdle(t)
	})
}

// TestWhoTakesItIsAsked: one that does not is left out, be it before others in the
// chain or beside them; who comes later is not troubled.
func TestWhoTakesItIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before, no := fussy(t, "before", "no_such_field")
		beside, never := fussy(t, "beside", "no_such_field")
		able, yes := fussy(t, "able", "")
		beside.Weight, able.Weight = 1000, 1
		later, spare := fussy(t, "later", "")
		b := newBed(before, beside, able, later)
		for range 10 {
			call := newCall("a", to("before"), to("beside"), to("able"), to("later"))
			if events, err := b.ask(t.Context(), call); err != nil || events != "hde" || call.Targets()[0].Provider != "able" {
				t.Errorf("got %q, error %v, from %v", events, err, call.Targets()[0])
			}
		}
		if yes.count() != 10 || yes.prepared != 10 || no.count()+never.count()+spare.count() != 0 || spare.prepared != 0 {
			t.Errorf("asked %d and %d, %d, %d times", yes.count(), no.count(), never.count(), spare.count())
		}
		b.checkIdle(t)
	})
}

// TestTheFirstFailureStandsWhereNobodyElseTakesIt: what went wrong is told, not what
// the stand-by could not be asked.
func TestTheFirstFailureStandsWhereNobodyElseTakesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		second, no := fussy(t, "second", "no_such_field")
		b := newBed(usual("first", failing(status(500), -1)), second)
		_, err := b.ask(t.Context(), newCall("a", to("first"), to("second")))
		if codeOf(err) != "upstream_error" || no.prepared != 1 || no.count() != 0 {
			t.Errorf("told %v; prepared %d times, asked %d", err, no.prepared, no.count())
		}
		b.checkIdle(t)
	})
}
