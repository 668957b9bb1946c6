package telemetry

import (
	"runtime"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/fairleadhq/fairlead"
)

// collector turns sums and gauges into metrics when a scraper asks.
type collector struct {
	source *Telemetry
	detail Detail

	requests, durations, firstContent, tokens *prometheus.Desc
	attempts, bytes, refused                  *prometheus.Desc

	waits, predictions, rejected                       *prometheus.Desc
	slots, slotsInUse, slotsMostInUse, poolWaiting     *prometheus.Desc
	waiting, appInUse, windowUsed, windowLimit         *prometheus.Desc
	jain, staleSlots, doubleReleases, shadowed         *prometheus.Desc
	alertsSent, alertsFailed, alertsDropped, appsAlert *prometheus.Desc
	bodyBytes, active, buildInfo                       *prometheus.Desc
	running, breakers, pauses, parked                  *prometheus.Desc

	connections connectionDescs
	places      placeDescs
	webSockets  webSocketDescs
	resume      resumeDescs
	documents   documentDescs
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

		connections: newConnectionDescs(desc),
		places:      newPlaceDescs(desc),
		webSockets:  newWebSocketDescs(desc),
		resume:      newResumeDescs(desc),
		documents:   newDocumentDescs(desc),

		requests:     perApp("requests_total", "Calls that have ended, by outcome: ok or the kind of error; code says which error.", "operation", "outcome", "code"),
		durations:    desc("request_duration_seconds", "Time from a call's arrival to its last byte, queue included.", "operation", "outcome"),
		firstContent: desc("first_content_seconds", "Time from a call's arrival to the first byte of content.", "operation", "provider"),
		tokens:       perApp("tokens_total", "Tokens that providers counted, by direction: input or output.", "provider", "direction"),
		attempts:     desc("attempts_total", "Tries upstream, by outcome: ok or the kind of error.", "provider", "outcome"),
		bytes:        desc("bytes_total", "Bytes of bodies, by direction: in or out.", "direction"),
		refused:      desc("routes_refused_total", "Requests refused before they named an operation, by route and reason.", "route", "reason"),

		waits:          desc("admission_wait_seconds", "Time that calls which came as far as the queue stood in it.", "operation"),
		predictions:    desc("admission_predicted_wait_ratio", "Waits for a slot, as a part of what was predicted when they began."),
		rejected:       perApp("admission_rejected_total", "Calls refused by a limit of their app or for want of capacity, by the refusal's code.", "reason"),
		slots:          desc("admission_slots", "Slots of a pool: all for the service, else a provider's; 0 means no limit.", "pool"),
		slotsInUse:     desc("admission_slots_in_use", "Slots of a pool in use.", "pool"),
		poolWaiting:    desc("admission_pool_waiting", "Calls waiting for a slot of a pool.", "pool"),
		slotsMostInUse: desc("admission_slots_most_in_use", "Most slots in use at one time since start."),
		waiting:        perApp("admission_waiting", "Calls waiting for a slot, by class.", "class"),
		appInUse:       desc("admission_app_slots_in_use", "Slots in use by an app, by class.", "app", "class"),
		windowUsed:     desc("admission_window_used", "How much of an app's window is used: requests or tokens.", "app", "window"),
		windowLimit:    desc("admission_window_limit", "An app's limit per minute: requests or tokens.", "app", "window"),
		jain:           desc("admission_jain", "Jain's index of fairness over the last minute, of the slots that waiting apps had for their weight; 1 is even."),
		staleSlots:     desc("admission_stale_slots", "Slots held past their operation's time; above 0 is a bug of the service."),
		doubleReleases: desc("admission_double_release_total", "Slots given back twice; above 0 is a bug of the service."),
		shadowed:       desc("admission_shadow_total", "Calls that a limit in shadow would have refused, or made wait.", "limit"),
		alertsSent:     desc("alerts_sent_total", "Notices that the webhook took."),
		alertsFailed:   desc("alerts_failed_total", "Notices that could not be delivered."),
		alertsDropped:  desc("alerts_dropped_total", "Notices that found no room to wait."),
		appsAlert:      desc("alerts_firing", "Apps whose error rate is in alert."),
		running:        desc("provider_attempts_running", "Tries that run at a provider, by its key's number.", "provider", "deployment"),
		breakers:       desc("provider_breakers", "Models of a deployment whose breaker is not closed, by its state: open or half_open.", "provider", "deployment", "state"),
		pauses:         desc("provider_pauses", "Models of a deployment that are left alone because the provider asked for it.", "provider", "deployment"),
		parked:         desc("provider_pause_waiting", "Calls waiting for the end of a provider's pause."),
		bodyBytes:      desc("body_bytes_in_flight", "Bytes of request bodies, and of answers held back, in memory."),
		active:         desc("active_requests", "Calls on their way."),
		buildInfo:      desc("build_info", "Always 1; the labels tell what runs.", "version", "go_version"),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		c.requests, c.durations, c.firstContent, c.tokens, c.attempts, c.bytes, c.refused,
		c.waits, c.predictions, c.rejected, c.slots, c.slotsInUse, c.slotsMostInUse, c.poolWaiting,
		c.waiting, c.appInUse, c.windowUsed, c.windowLimit, c.jain, c.staleSlots, c.doubleReleases, c.shadowed,
		c.alertsSent, c.alertsFailed, c.alertsDropped, c.appsAlert, c.bodyBytes, c.active, c.buildInfo,
		c.running, c.breakers, c.pauses, c.parked,
	} {
		out <- d
	}
	c.connections.describe(out)
	c.places.describe(out)
	c.webSockets.describe(out)
	c.resume.describe(out)
	c.documents.describe(out)
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	c.collectPerApp(out)
	c.collectSums(out)
	c.collectHistograms(out)
	c.collectSlots(out)
	c.collectProviders(out)
	if g := c.source.gauges.Connections; g != nil {
		for _, use := range g() {
			c.connections.collect(out, use)
		}
	}
	if g := c.source.gauges.Places; g != nil {
		for _, use := range g() {
			c.places.collect(out, use)
		}
	}
	if g := c.source.gauges.WebSockets; g != nil {
		c.webSockets.collect(out, g())
	}
	if g := c.source.gauges.Resume; g != nil {
		c.resume.collect(out, g())
	}
	if g := c.source.gauges.Documents; g != nil {
		c.documents.collect(out, g())
	}
	c.collectRest(out)
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
	c.collectRejected(out, requests)

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

// collectRejected tells the refusals among the calls that have ended.
func (c *collector) collectRejected(out chan<- prometheus.Metric, requests map[requestKey]int64) {
	type key struct{ app, reason string }
	rejected := map[key]int64{}
	for k, sum := range requests {
		if k.outcome == fairlead.Limited.String() || k.outcome == fairlead.Busy.String() {
			rejected[key{k.app, k.code}] += sum
		}
	}
	for k, sum := range rejected {
		counter(out, c.rejected, sum, c.perApp(k.app, k.reason)...)
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
		h.collect(out, c.waits, string(operation))
	}
	c.source.predictions.collect(out, c.predictions)
	for key, h := range c.source.firstContent.all() {
		h.collect(out, c.firstContent, key.operation, key.provider)
	}
}

func (c *collector) collectSlots(out chan<- prometheus.Metric) {
	g := c.source.gauges
	if g.Admission != nil {
		a := g.Admission()
		gauge(out, c.slotsMostInUse, a.MostInUse)
		gauge(out, c.jain, a.Jain)
		gauge(out, c.staleSlots, a.StaleSlots)
		counter(out, c.doubleReleases, a.DoubleReleases)
	}
	if g.Pools != nil {
		for _, use := range g.Pools() {
			gauge(out, c.slots, use.Limit, use.Pool)
			gauge(out, c.slotsInUse, use.InUse, use.Pool)
			gauge(out, c.poolWaiting, use.Waiting, use.Pool)
		}
	}
	if g.Shadowed != nil {
		for limit, n := range g.Shadowed() {
			counter(out, c.shadowed, n, limit)
		}
	}
	if g.Apps != nil {
		c.collectApps(out, g.Apps())
	}
}

func (c *collector) collectProviders(out chan<- prometheus.Metric) {
	g := c.source.gauges
	if g.Parked != nil {
		gauge(out, c.parked, g.Parked())
	}
	if g.Deployments == nil {
		return
	}
	for _, use := range g.Deployments() {
		number := strconv.Itoa(use.Number)
		gauge(out, c.running, use.Running, use.Provider, number)
		gauge(out, c.breakers, use.Open, use.Provider, number, "open")
		gauge(out, c.breakers, use.HalfOpen, use.Provider, number, "half_open")
		gauge(out, c.pauses, use.InAPause, use.Provider, number)
	}
}

// collectApps tells of each app, or where apps are not named of all together.
func (c *collector) collectApps(out chan<- prometheus.Metric, apps []AppUse) {
	waiting := map[fairlead.Class]int{fairlead.Interactive: 0, fairlead.Batch: 0}
	for _, use := range apps {
		app := string(use.App)
		for class, u := range use.Classes {
			waiting[class] += u.Waiting
			if c.detail == ByApp {
				gauge(out, c.waiting, u.Waiting, app, class.String())
				gauge(out, c.appInUse, u.InUse, app, class.String())
			}
		}
		if c.detail == ByApp {
			c.collectWindow(out, []string{app, "requests"}, use.UsedRequests, use.LimitRequests)
			c.collectWindow(out, []string{app, "tokens"}, use.UsedTokens, use.LimitTokens)
		}
	}
	if c.detail == Aggregate {
		for class, n := range waiting {
			gauge(out, c.waiting, n, class.String())
		}
	}
}

// collectWindow tells how much of a window is used, if there is one.
func (c *collector) collectWindow(out chan<- prometheus.Metric, labels []string, used, limit int) {
	if limit > 0 {
		gauge(out, c.windowUsed, used, labels...)
		gauge(out, c.windowLimit, limit, labels...)
	}
}

func (c *collector) collectRest(out chan<- prometheus.Metric) {
	g := c.source.gauges
	if g.BodyBytes != nil {
		gauge(out, c.bodyBytes, g.BodyBytes())
	}
	if g.Active != nil {
		gauge(out, c.active, g.Active())
	}
	if g.Alerts != nil {
		a := g.Alerts()
		counter(out, c.alertsSent, a.Sent)
		counter(out, c.alertsFailed, a.Failed)
		counter(out, c.alertsDropped, a.Dropped)
		gauge(out, c.appsAlert, a.Firing)
	}
	gauge(out, c.buildInfo, 1, c.source.version, runtime.Version())
}

func counter[N int64 | uint64](out chan<- prometheus.Metric, desc *prometheus.Desc, value N, labelValues ...string) {
	out <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(value), valid(labelValues)...)
}

func gauge[N int | int64 | float64](out chan<- prometheus.Metric, desc *prometheus.Desc, value N, labelValues ...string) {
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
