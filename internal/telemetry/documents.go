package telemetry

import "github.com/prometheus/client_golang/prometheus"

// DocumentUse tells of the documents that are to be read: those that wait, as they were
// counted last, those that this process reads, and the uploads that are being received.
// Uploads that found no place since the start are Refused.
type DocumentUse struct {
	Waiting, Reading, Uploads int
	Refused                   int64
}

// documentDescs are the metrics of documents.
type documentDescs struct{ waiting, reading, uploads, refused *prometheus.Desc }

// newDocumentDescs makes them by desc, which puts the service's name before each.
func newDocumentDescs(desc func(name, help string, labels ...string) *prometheus.Desc) documentDescs {
	return documentDescs{
		waiting: desc("documents_waiting", "Documents that wait to be read."),
		reading: desc("documents_reading", "Documents that are being read."),
		uploads: desc("uploads", "Uploads that are being received."),
		refused: desc("uploads_refused_total", "Uploads that found no place."),
	}
}

func (d *documentDescs) describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{d.waiting, d.reading, d.uploads, d.refused} {
		out <- desc
	}
}

func (d *documentDescs) collect(out chan<- prometheus.Metric, use DocumentUse) {
	gauge(out, d.waiting, use.Waiting)
	gauge(out, d.reading, use.Reading)
	gauge(out, d.uploads, use.Uploads)
	counter(out, d.refused, use.Refused)
}
