package telemetry

import "github.com/prometheus/client_golang/prometheus"

// WebSocketUse tells of the clients' WebSockets, of those who wait to open one, and
// how many found no place since the start. Limits of 0 mean no limit, and for the
// queue that nobody waits.
type WebSocketUse struct {
	Open, MostOpen, Limit int
	Waiting, QueueLimit   int
	// Lanes is how many lanes of all sockets are at work.
	Lanes   int
	Refused int64
}

// webSocketDescs are the metrics of the clients' WebSockets.
type webSocketDescs struct{ open, most, limit, waiting, queueLimit, lanes, refused *prometheus.Desc }

// newWebSocketDescs makes them by desc, which puts the service's name before each.
func newWebSocketDescs(desc func(name, help string, labels ...string) *prometheus.Desc) webSocketDescs {
	return webSocketDescs{
		open:       desc("websockets_open", "WebSockets that are open."),
		most:       desc("websockets_most_open", "Most WebSockets open at one time since start."),
		limit:      desc("websockets_limit", "WebSockets that may be open; 0 means no limit."),
		waiting:    desc("websockets_waiting", "Clients that wait to open a WebSocket."),
		queueLimit: desc("websockets_waiting_limit", "Clients that may wait to open a WebSocket."),
		lanes:      desc("websocket_lanes", "Lanes of WebSockets that are at work."),
		refused:    desc("websockets_refused_total", "Clients that found no place for a WebSocket."),
	}
}

func (d *webSocketDescs) describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{d.open, d.most, d.limit, d.waiting, d.queueLimit, d.lanes, d.refused} {
		out <- desc
	}
}

func (d *webSocketDescs) collect(out chan<- prometheus.Metric, use WebSocketUse) {
	gauge(out, d.open, use.Open)
	gauge(out, d.most, use.MostOpen)
	gauge(out, d.limit, use.Limit)
	gauge(out, d.waiting, use.Waiting)
	gauge(out, d.queueLimit, use.QueueLimit)
	gauge(out, d.lanes, use.Lanes)
	counter(out, d.refused, use.Refused)
}
