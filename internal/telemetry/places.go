package telemetry

import "github.com/prometheus/client_golang/prometheus"

// placeDescs are the metrics of the clients' connections, all by kind.
type placeDescs struct{ open, limit, most, refused *prometheus.Desc }

// newPlaceDescs makes them by desc, which puts the service's name before each.
func newPlaceDescs(desc func(name, help string, labels ...string) *prometheus.Desc) placeDescs {
	return placeDescs{
		open:    desc("connections", "Open connections of clients, by kind: all, or stream for event streams.", "kind"),
		limit:   desc("connections_limit", "The most there may be of them; 0 means no limit.", "kind"),
		most:    desc("connections_most", "The most there were at one time since start.", "kind"),
		refused: desc("connections_refused_total", "Connections or streams that found no place.", "kind"),
	}
}

func (d *placeDescs) describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{d.open, d.limit, d.most, d.refused} {
		out <- desc
	}
}

func (d *placeDescs) collect(out chan<- prometheus.Metric, use PlaceUse) {
	gauge(out, d.open, use.Open, use.Kind)
	gauge(out, d.limit, use.Limit, use.Kind)
	gauge(out, d.most, use.Most, use.Kind)
	counter(out, d.refused, use.Refused, use.Kind)
}
