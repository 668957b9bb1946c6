package telemetry

import (
	"runtime"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// collector turns sums and gauges into metrics when a scraper asks.
type collector struct {
	source *Telemetry
	detail Detail

	requests, durations, queueWaits, firstContent *prometheus.Desc
	tokens, attempts, bytes, refused              *prometheus.Desc

	slotsLimit, slotsInUse, slotsMostInUse, waiting *prometheus.Desc
	doubleReleases                                  *prometheus.Desc
	appInUse, appWaiting                            *prometheus.Desc
	providerLimit, providerInUse, providerWaiting   *prometheus.Desc
	bodyBytes, active, buildInfo                    *prometheus.Desc
}

func newCollector(source *Telemetry, detail Detail) *collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("fairlead_"+name, help, labels, nil)
	}
	perApp := func(name, help string, labels ...string) *prometheus.Desc {
		if detail == ByApp {
			labels = append([]string{"app"}, labels...)
		}
		return desc(name, help, labels...)
	}
	return &collector{
		source: source,
		detail: detail,

		requests:     perApp("requests_total", "Calls that have ended, by outcome: ok or the kind of error; code says which error.", "operation", "outcome", "code"),
		durations:    desc("request_duration_seconds", "Time from a call's arrival to its last byte, queue included.", "operation", "outcome"),
		queueWaits:   desc("queue_wait_seconds", "Time that calls which came as far as the queue stood in it.", "operation"),
		firstContent: desc("first_content_seconds", "Time from a call's arrival to the first byte of content.", "operation", "provider"),
		tokens:       perApp("tokens_total", "Tokens that providers counted, by direction: input or output.", "provider", "direction"),
		attempts:     desc("attempts_total", "Tries upstream, by outcome: ok or the kind of error.", "provider", "outcome"),
		bytes:        desc("bytes_total", "Bytes of bodies, by direction: in or out.", "direction"),
		refused:      desc("routes_refused_total", "Requests refused before they named an operation, by route and reason.", "route", "reason"),

		slotsLimit:      desc("slots_limit", "Slots that all apps share; 0 means no limit."),
		slotsInUse:      desc("slots_in_use", "Slots in use."),
		slotsMostInUse:  desc("slots_most_in_use", "Most slots in use at one time since start."),
		doubleReleases:  desc("slot_double_releases_total", "Slots given back twice; above 0 is a bug of the service."),
		waiting:         desc("queue_waiting", "Calls waiting for a slot."),
		appInUse:        desc("app_slots_in_use", "Slots in use by an app.", "app"),
		appWaiting:      desc("app_queue_waiting", "Calls of an app waiting for a slot.", "app"),
		providerLimit:   desc("provider_slots_limit", "Slots of a provider; 0 means no limit.", "provider"),
		providerInUse:   desc("provider_slots_in_use", "Slots of a provider in use.", "provider"),
		providerWaiting: desc("provider_queue_waiting", "Calls waiting for a slot of a provider.", "provider"),
		bodyBytes:       desc("body_bytes_in_flight", "Bytes of request bodies, and of answers held back, in memory."),
		active:          desc("active_requests", "Calls on their way."),
		buildInfo:       desc("build_info", "Always 1; the labels tell what runs.", "version", "go_version"),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		c.requests, c.durations, c.queueWaits, c.firstContent,
		c.tokens, c.attempts, c.bytes, c.refused,
		c.slotsLimit, c.slotsInUse, c.slotsMostInUse, c.waiting, c.doubleReleases,
		c.appInUse, c.appWaiting,
		c.providerLimit, c.providerInUse, c.providerWaiting,
		c.bodyBytes, c.active, c.buildInfo,
	} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	c.collectPerApp(out)
	c.collectSums(out)
	c.collectHistograms(out)
	c.collectSlots(out)
	c.collectUse(out)
	gauge(out, c.buildInfo, 1, c.source.version, runtime.Version())
}

// collectPerApp tells the families that have a label app, or sums them up over
// the apps.
func (c *collector) collectPerApp(out chan<- prometheus.Metric) {
	requests := map[requestKey]int64{}
	for key, sum := range c.source.requests.all() {
		if c.detail == Aggregate {
			key.app = ""
		}
		requests[key] += sum.Load()
	}
	for key, sum := range requests {
		counter(out, c.requests, sum, c.perApp(key.app, key.operation, key.outcome, key.code)...)
	}

	type inOut struct{ input, output int64 }
	tokens := map[tokenKey]inOut{}
	for key, sums := range c.source.tokens.all() {
		if c.detail == Aggregate {
			key.app = ""
		}
		total := tokens[key]
		total.input += sums.input.Load()
		total.output += sums.output.Load()
		tokens[key] = total
	}
	for key, total := range tokens {
		counter(out, c.tokens, total.input, c.perApp(key.app, key.provider, "input")...)
		counter(out, c.tokens, total.output, c.perApp(key.app, key.provider, "output")...)
	}
}

func (c *collector) perApp(app string, rest ...string) []string {
	if c.detail == ByApp {
		return append([]string{app}, rest...)
	}
	return rest
}

func (c *collector) collectSums(out chan<- prometheus.Metric) {
	counter(out, c.bytes, c.source.bytesIn.Load(), "in")
	counter(out, c.bytes, c.source.bytesOut.Load(), "out")
	for key, sum := range c.source.attempts.all() {
		counter(out, c.attempts, sum.Load(), key.provider, key.outcome)
	}
	for key, sum := range c.source.refused.all() {
		counter(out, c.refused, sum.Load(), key.route, key.reason)
	}
}

func (c *collector) collectHistograms(out chan<- prometheus.Metric) {
	for key, h := range c.source.durations.all() {
		h.collect(out, c.durations, key.operation, key.outcome)
	}
	for operation, h := range c.source.queueWaits.all() {
		h.collect(out, c.queueWaits, string(operation))
	}
	for key, h := range c.source.firstContent.all() {
		h.collect(out, c.firstContent, key.operation, key.provider)
	}
}

func (c *collector) collectSlots(out chan<- prometheus.Metric) {
	g := c.source.gauges
	if g.Slots != nil {
		slots := g.Slots()
		gauge(out, c.slotsLimit, slots.Limit)
		gauge(out, c.slotsInUse, slots.InUse)
		gauge(out, c.slotsMostInUse, slots.MostInUse)
		counter(out, c.doubleReleases, slots.DoubleReleases)
		gauge(out, c.waiting, slots.Waiting)
	}
	if g.BodyBytes != nil {
		gauge(out, c.bodyBytes, g.BodyBytes())
	}
	if g.Active != nil {
		gauge(out, c.active, g.Active())
	}
}

func (c *collector) collectUse(out chan<- prometheus.Metric) {
	g := c.source.gauges
	if g.Apps != nil && c.detail == ByApp {
		for _, use := range g.Apps() {
			gauge(out, c.appInUse, use.InUse, string(use.App))
			gauge(out, c.appWaiting, use.Waiting, string(use.App))
		}
	}
	if g.Providers != nil {
		for _, use := range g.Providers() {
			gauge(out, c.providerLimit, use.Limit, use.Provider)
			gauge(out, c.providerInUse, use.InUse, use.Provider)
			gauge(out, c.providerWaiting, use.Waiting, use.Provider)
		}
	}
}

func counter[N int64 | uint64](out chan<- prometheus.Metric, desc *prometheus.Desc, value N, labelValues ...string) {
	out <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(value), valid(labelValues)...)
}

func gauge[N int | int64](out chan<- prometheus.Metric, desc *prometheus.Desc, value N, labelValues ...string) {
	out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(value), valid(labelValues)...)
}

// valid makes the values valid UTF-8; others would end the process, since the
// registry collects on a goroutine of its own.
func valid(labelValues []string) []string {
	for i, value := range labelValues {
		labelValues[i] = strings.ToValidUTF8(value, "?")
	}
	return labelValues
}
