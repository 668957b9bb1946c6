package telemetry

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// connectionDescs are the metrics of the connections to providers, all by provider
// and deployment.
type connectionDescs struct{ state, waiting, opened, reused, replaced, waits, refused *prometheus.Desc }

// newConnectionDescs makes them by desc, which puts the service's name before each.
func newConnectionDescs(desc func(name, help string, labels ...string) *prometheus.Desc) connectionDescs {
	of := func(name, help string, more ...string) *prometheus.Desc {
		return desc("provider_connection"+name, help, append([]string{"provider", "deployment"}, more...)...)
	}
	return connectionDescs{
		state:    of("s", "Open connections to a provider, by state: opening, in_use or idle.", "state"),
		waiting:  of("_waiting", "Calls waiting for a connection to a provider."),
		opened:   of("s_opened_total", "Connections to a provider that were opened."),
		reused:   of("s_reused_total", "Calls that began on a connection to a provider that was open already."),
		replaced: of("s_replaced_total", "Calls sent again because the connection to a provider turned out to be dead, or refused them unseen."),
		waits:    of("_wait_seconds", "Waits for a connection to a provider, of calls that found none free."),
		refused:  of("_refused_total", "Calls that got no connection to a provider, by reason: timeout after pool_timeout, or full when too many were waiting.", "reason"),
	}
}

func (d *connectionDescs) describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{d.state, d.waiting, d.opened, d.reused, d.replaced, d.waits, d.refused} {
		out <- desc
	}
}

func (d *connectionDescs) collect(out chan<- prometheus.Metric, use ConnectionUse) {
	provider, number := use.Provider, strconv.Itoa(use.Number)
	gauge(out, d.state, use.Opening, provider, number, "opening")
	gauge(out, d.state, use.InUse, provider, number, "in_use")
	gauge(out, d.state, use.Idle, provider, number, "idle")
	gauge(out, d.waiting, use.Waiting, provider, number)
	counter(out, d.opened, use.Opened, provider, number)
	counter(out, d.reused, use.Reused, provider, number)
	counter(out, d.replaced, use.Replaced, provider, number)
	counter(out, d.refused, use.TimedOut, provider, number, "timeout")
	counter(out, d.refused, use.Refused, provider, number, "full")
	out <- prometheus.MustNewConstSummary(d.waits, uint64(max(use.Waits, 0)), use.Waited.Seconds(), nil, valid([]string{provider, number})...)
}
