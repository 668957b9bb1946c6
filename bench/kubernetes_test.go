package bench

import (
	"errors"
	"testing"

	fq "k8s.io/apiserver/pkg/util/flowcontrol/fairqueuing"
	"k8s.io/apiserver/pkg/util/flowcontrol/fairqueuing/eventclock"
	"k8s.io/apiserver/pkg/util/flowcontrol/fairqueuing/queueset"
	"k8s.io/apiserver/pkg/util/flowcontrol/metrics"
	"k8s.io/apiserver/pkg/util/flowcontrol/request"
)

var errRejected = errors.New("rejected")

// noGauge is a gauge that nobody reads.
type noGauge struct{}

func (noGauge) Set(float64)            {}
func (noGauge) Inc()                   {}
func (noGauge) Dec()                   {}
func (noGauge) Add(float64)            {}
func (noGauge) SetToCurrentTime()      {}
func (noGauge) SetDenominator(float64) {}

// queueSet makes a queue set of so many seats.
func queueSet(tb testing.TB, seats int, config fq.QueuingConfig) fq.QueueSet {
	tb.Helper()
	config.Name = "bench"
	completer, err := queueset.NewQueueSetFactory(eventclock.Real{}).BeginConstruction(
		config, metrics.RatioedGaugePair{RequestsWaiting: noGauge{}, RequestsExecuting: noGauge{}}, noGauge{}, noGauge{})
	if err != nil {
		tb.Fatal(err)
	}
	return completer.Complete(fq.DispatchingConfig{ConcurrencyLimit: seats, ConcurrencyDenominator: seats})
}

// kubernetes has the queues that the API server has by default for most of its
// priority levels, into which it hashes the workers.
func kubernetes(tb testing.TB, seats, _ int) limiter {
	tb.Helper()
	return queueSetLimiter(tb, queueSet(tb, seats, fq.QueuingConfig{
		DesiredNumQueues: 128, HandSize: 6, QueueLengthLimit: manyWaiting,
	}))
}

// kubernetesQueues has a queue for each worker, as far as there is no other way
// for it to tell them apart.
func kubernetesQueues(tb testing.TB, seats, workers int) limiter {
	tb.Helper()
	return queueSetLimiter(tb, queueSet(tb, seats, fq.QueuingConfig{
		DesiredNumQueues: workers, HandSize: 1, QueueLengthLimit: manyWaiting,
	}))
}

func queueSetLimiter(tb testing.TB, queues fq.QueueSet) limiter {
	tb.Helper()
	ctx := tb.Context()
	with := func(worker int, held func()) error {
		estimate := request.WorkEstimate{InitialSeats: 1}
		r, _ := queues.StartRequest(ctx, &estimate, uint64(worker), "app", "schema", nil, nil, nil)
		if r == nil {
			return errRejected
		}
		r.Finish(held)
		return nil
	}
	return limiter{
		with: with,
		spin: func(worker, n int) error {
			for range n {
				if err := with(worker, func() {}); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
