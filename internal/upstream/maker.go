package upstream

import (
	"slices"
	"time"

	"github.com/fairleadhq/fairlead"
)

// planMaker makes the chain of a call that continues an answer which its Maker keeps:
// that deployment alone. It is not done where the maker can't be asked any more but
// the conversation is there to be sent to anyone.
func (r *run) planMaker(now time.Time) (done bool, err error) {
	maker := r.req.Past.Maker
	for _, target := range r.call.Targets() {
		p := r.provider(target.Provider)
		if target.Provider != maker.Provider || p == nil || maker.Key == "" {
			continue
		}
		s := p.of(target.Model, now)
		if at := slices.IndexFunc(s.lines, func(l *line) bool { return l.deployment.mark == maker.Key }); at >= 0 {
			only := &served{provider: p, model: s.model, lines: s.lines[at : at+1], firsts: s.firsts}
			r.alone[0] = candidate{served: only, target: target}
			r.chain = append(r.chain, r.alone[:])
			return true, nil
		}
	}
	if len(r.req.Past.Items) > 0 {
		return false, nil
	}
	return false, &fairlead.Error{
		Kind: fairlead.Invalid, Code: "previous_response_not_found", Param: "previous_response_id",
		Message: "The previous response is not available any more", Detail: "who made it does not serve this model, or is not configured any more",
	}
}
