package upstream

import (
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/admission"
)

// BenchmarkAnswer is a call that is answered at once, the gate's part included.
func BenchmarkAnswer(b *testing.B) {
	end := fairlead.Event{End: &fairlead.End{}}
	answers := model(func(_ *fairlead.Request, emit fairlead.Emit) error { return emit(end) })
	p := usual("p")
	p.Model, p.Slots = answers, 25
	bed := bedOf(Config{Providers: []Provider{p}}, admission.Config{Slots: 20})
	app, req := &fairlead.App{ID: "a"}, &fairlead.Request{}
	targets := []fairlead.Target{to("p")}
	arrived := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		call := &fairlead.Call{App: app, Arrived: arrived}
		call.SetTargets(targets)
		if err := bed.Answer(b.Context(), call, req, func(fairlead.Event) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
