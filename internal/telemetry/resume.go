package telemetry

import "github.com/prometheus/client_golang/prometheus"

// ResumeUse tells of the answers that can be resumed: how many there are, how many
// of them are still made, who reads them, and the bytes that they hold. Evicted
// counts, since the start, those that were dropped or cut for want of room.
type ResumeUse struct {
	Logs, Running, Readers int
	Bytes                  int64
	Evicted                int64
}

// resumeDescs are the metrics of the answers that can be resumed.
type resumeDescs struct{ answers, running, readers, bytes, evicted *prometheus.Desc }

// newResumeDescs makes them by desc, which puts the service's name before each.
func newResumeDescs(desc func(name, help string, labels ...string) *prometheus.Desc) resumeDescs {
	return resumeDescs{
		answers: desc("resume_answers", "Answers that can be resumed, those that have ended included."),
		running: desc("resume_running", "Answers that can be resumed and are still made."),
		readers: desc("resume_readers", "Readers of answers that can be resumed."),
		bytes:   desc("resume_bytes", "Bytes that answers which can be resumed hold in memory."),
		evicted: desc("resume_evicted_total", "Answers dropped before their time, or cut while they were made, for want of memory."),
	}
}

func (d *resumeDescs) describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{d.answers, d.running, d.readers, d.bytes, d.evicted} {
		out <- desc
	}
}

func (d *resumeDescs) collect(out chan<- prometheus.Metric, use ResumeUse) {
	gauge(out, d.answers, use.Logs)
	gauge(out, d.running, use.Running)
	gauge(out, d.readers, use.Readers)
	gauge(out, d.bytes, use.Bytes)
	counter(out, d.evicted, use.Evicted)
}
