// Package traffic says who calls: apps that behave as a traffic file says, and
// calls that a log of the service recorded.
//
// Start with Parse and ReadLog.
package traffic

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
)

// Duration is a length of time as a traffic file spells it: seconds, or 1m30s.
type Duration = strictyaml.Duration

// File is a traffic file.
type File struct {
	Duration Duration `yaml:"duration" doc:"For how long to simulate; --duration wins over it."`
	Seed     int      `yaml:"seed" doc:"Where chance begins: the same seed, the same run; --seed wins over it."`
	Apps     []Source `yaml:"apps" doc:"Who calls. An app may be there twice, with calls of two kinds."`
}

// Source is one app that calls, or a number of like ones.
type Source struct {
	Name     string   `yaml:"name" doc:"The app. One that the configuration does not name has the limits of any other app."`
	Count    int      `yaml:"count" least:"1" most:"100000" doc:"So many like apps, called NAME-1, NAME-2 and so on. What the configuration has for NAME holds for each."`
	Class    string   `yaml:"class" oneof:"interactive,batch" doc:"batch lowers the calls, as x-fairlead-class does."`
	Provider string   `yaml:"provider" doc:"Which provider serves the calls; by default the configuration's first."`
	Rate     float64  `yaml:"rate" below:"100001" doc:"Calls a second of each app, however the service fares."`
	Arrivals string   `yaml:"arrivals" oneof:"poisson,constant" doc:"Of rate: at random (poisson), or at equal distances."`
	Clients  int      `yaml:"clients" most:"1000000" doc:"Instead of rate: so many clients of each app, each of which calls, waits for the answer, thinks and calls again."`
	Think    Duration `yaml:"think" doc:"How long a client thinks between an answer and its next call."`
	Burst    Burst    `yaml:"burst" doc:"Instead of rate: many calls at the same moment, again and again."`
	From     Duration `yaml:"from" doc:"When it begins."`
	Until    Duration `yaml:"until" doc:"When it ends. 0 = with the run."`
	On       Duration `yaml:"on" doc:"With off: it calls for so long, and then not for off, in turn."`
	Off      Duration `yaml:"off" doc:"With on: for how long it pauses. 0 = never."`

	Service Work   `yaml:"service" doc:"How long the provider works on a call."`
	Tokens  Tokens `yaml:"tokens" doc:"What a call costs. Left out, limits on tokens and tokens_per_slot have no effect."`

	Timeout     Duration `yaml:"timeout" doc:"How long the client says that it waits for its answer; less than the service's own time limit, or of no effect. 0 = it does not say."`
	LeavesAfter Duration `yaml:"leaves_after" doc:"A client that waits in the queue for longer closes the connection. 0 = never."`
	Retry       string   `yaml:"retry" oneof:"none,obey,hammer" doc:"What a client does that is refused: none (gives up), obey (comes back after the wait that it was told) or hammer (comes back after retry_every)."`
	RetryEvery  Duration `yaml:"retry_every" doc:"How long a client that hammers waits."`
	Retries     int      `yaml:"retries" most:"1000000" doc:"How often a client comes back with the same call. 0 = until it is served."`
}

// Burst is calls at the same moment.
type Burst struct {
	Size  int      `yaml:"size" most:"1000000" doc:"Calls at the same moment."`
	Every Duration `yaml:"every" doc:"How long from one burst to the next. 0 = only one."`
}

// Work is how long providers work.
type Work struct {
	Mean         Duration `yaml:"mean" doc:"The mean."`
	Distribution string   `yaml:"distribution" oneof:"exponential,constant,lognormal" doc:"How much it varies: exponential, constant or lognormal."`
	Sigma        float64  `yaml:"sigma" below:"4" doc:"Of lognormal: how far it spreads; at 1 three calls in 100 take more than four times the mean."`
}

// Tokens are what a call costs.
type Tokens struct {
	Prompt int `yaml:"prompt" most:"10000000" doc:"Tokens of the prompt."`
	Answer int `yaml:"answer" most:"10000000" doc:"Tokens of the answer."`
}

// What keys may hold, of which a run must know.
const (
	Obey     = "obey"     // of retry
	Hammer   = "hammer"   // of retry
	Constant = "constant" // of arrivals and of distribution
	// Lognormal is a distribution.
	Lognormal = "lognormal"
)

// NewSource is a source before anything is said about it, with the defaults that
// a traffic file has.
func NewSource(name string) Source {
	return Source{
		Name: name, Count: 1, Class: "interactive", Arrivals: "poisson", Retry: "none", RetryEvery: Duration(time.Second),
		Service: Work{Mean: Duration(2 * time.Second), Distribution: "exponential", Sigma: 1},
	}
}

// Parse reads a traffic file; name is what messages call it. The sources
// may name the providers given, or the first of them by saying nothing. Every
// mistake is told at once: an error is of type strictyaml.Errors.
func Parse(name string, data []byte, providers []string) (*File, error) {
	f := &File{}
	d := strictyaml.NewDecoder(f, strictyaml.Options{Name: name, Begin: func(_ string, entry any) {
		if s, ok := entry.(*Source); ok {
			*s = NewSource("")
		}
	}})
	if d.Decode(data) {
		if len(f.Apps) == 0 && !d.Wrong("apps") {
			d.Complain("apps", "name at least one app that calls", "")
		}
		for i := range f.Apps {
			f.Apps[i].judge(d, strictyaml.Item("apps", i), providers)
		}
	}
	if _, err := d.Finish(); err != nil {
		return nil, err
	}
	return f, nil
}

// judge tells what is wrong with a source that stands at the key at.
func (s *Source) judge(d *strictyaml.Decoder, at string, providers []string) {
	if s.Name == "" {
		d.Complain(at+".name", "every app needs a name", "")
	}
	ways := 0
	for key, set := range map[string]bool{".rate": s.Rate > 0, ".clients": s.Clients > 0, ".burst": s.Burst.Size > 0} {
		if set || d.Wrong(at+key) {
			ways++
		}
	}
	switch {
	case ways == 0:
		d.Complain(at, "it makes no calls", "give it a rate, clients, or a burst with a size")
	case ways > 1:
		d.Complain(at, "rate, clients and burst are three ways to call; it has more than one", "put another entry of the same name beside it")
	}
	if s.Provider != "" && !slices.Contains(providers, s.Provider) {
		d.Complain(at+".provider", fmt.Sprintf("%q is no provider of the configuration", s.Provider), strictyaml.DidYouMean(s.Provider, providers))
	}
	if s.Until > 0 && s.Until <= s.From {
		d.Complain(at+".until", fmt.Sprintf("%s is not after from (%s)", s.Until, s.From), "")
	}
	if s.Off > 0 && s.On == 0 {
		d.Complain(at+".off", "needs on beside it", "")
	}
	if s.Service.Mean == 0 {
		d.Complain(at+".service.mean", "must be more than 0", "")
	}
	if s.Retry == Hammer && s.RetryEvery == 0 {
		d.Complain(at+".retry_every", "must be more than 0", "")
	}
}

// Calling returns the first moment at or after t at which the source calls; ok
// is false if there is none before end.
func (s *Source) Calling(t, end time.Duration) (at time.Duration, ok bool) {
	if s.Until > 0 {
		end = min(end, s.Until.Std())
	}
	t = max(t, s.From.Std())
	if period := (s.On + s.Off).Std(); s.Off > 0 && (t-s.From.Std())%period >= s.On.Std() {
		t += period - (t-s.From.Std())%period
	}
	return t, t < end
}

// Gap is the time from one call to the next.
func (s *Source) Gap(r *rand.Rand) time.Duration {
	mean := float64(time.Second) / s.Rate
	if s.Arrivals == Constant {
		return time.Duration(mean)
	}
	return time.Duration(r.ExpFloat64() * mean)
}

// Draw is how long one call takes.
func (w *Work) Draw(r *rand.Rand) time.Duration {
	factor := r.ExpFloat64()
	switch w.Distribution {
	case Constant:
		factor = 1
	case Lognormal:
		factor = math.Exp(float64(w.Sigma*r.NormFloat64()) - w.Sigma*w.Sigma/2) // so that the mean is 1
	}
	return max(time.Duration(factor*float64(w.Mean)), 1)
}
