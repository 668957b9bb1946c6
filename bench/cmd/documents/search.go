package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead/bench/papers"
)

// words is how long a question is.
const words = 12

// grow takes in documents until there are as many chunks as are to be searched.
func (b *bench) grow(ctx context.Context) error {
	if b.hasMade >= b.chunks {
		return nil
	}
	fmt.Fprintf(b.out, "\n| taken in | files | MB | chunks | s | MB/s | cpu-s, service | cpu-s, children | MB for each cpu-s |\n|---|---|---|---|---|---|---|---|---|\n")
	const share = 25_000_000
	for b.hasMade < b.chunks {
		before := b.hasMade
		if err := b.timed(ctx, fmt.Sprintf("up to %d chunks", b.chunks), b.files(share, papers.Text, papers.Markdown, papers.HTML)); err != nil {
			return err
		}
		if b.hasMade == before {
			return errors.New("documents without chunks")
		}
	}
	return nil
}

// search measures searches while nothing else goes on.
func (b *bench) search(ctx context.Context) error {
	if err := b.grow(ctx); err != nil {
		return err
	}
	if err := b.memory("when all chunks are there"); err != nil {
		return err
	}
	fmt.Fprintf(b.out, "\n| searches of %d chunks (%d documents) | p50, ms | p90, ms | p99, ms | most, ms | cpu of the service for each, ms |\n|---|---|---|---|---|---|\n", b.hasMade, len(b.ready))
	for _, row := range []struct {
		name             string
		clients, filters int
	}{
		{"one client", 1, 0},
		{"four clients", 4, 0},
		{"one client, document_ids of 1", 1, 1},
		{"one client, document_ids of 10", 1, 10},
		{"one client again", 1, 0},
	} {
		before, err := b.server.processor()
		if err != nil {
			return err
		}
		times, err := b.ask(ctx, row.clients, row.filters)
		if err != nil {
			return err
		}
		after, err := b.server.processor()
		if err != nil {
			return err
		}
		each := float64(after.minus(before).own) / float64(time.Millisecond) / float64(len(times)+warm*row.clients)
		fmt.Fprintf(b.out, "| %s | %s | %.2f |\n", row.name, quantiles(times), each)
	}
	return nil
}

// warm is how many searches of each client are made before those that are timed.
const warm = 20

// ask makes the searches, shared by so many clients, each with so many ids in its
// filter. It returns how long each took.
func (b *bench) ask(ctx context.Context, clients, filters int) (times []time.Duration, err error) {
	var mu sync.Mutex
	var group sync.WaitGroup
	each := b.searches / clients
	for c := range clients {
		group.Go(func() {
			mine := make([]time.Duration, 0, each)
			var failed error
			for n := c * (each + warm); n < (c+1)*(each+warm) && failed == nil; n++ {
				begin := time.Now()
				_, failed = b.client.find(ctx, b.papers.Question(n, words), b.pick(n, filters))
				if n >= c*(each+warm)+warm {
					mine = append(mine, time.Since(begin))
				}
			}
			mu.Lock()
			times, err = append(times, mine...), errors.Join(err, failed)
			mu.Unlock()
		})
	}
	group.Wait()
	return times, err
}

// pick chooses so many documents.
func (b *bench) pick(n, count int) (ids []string) {
	if count == 0 {
		return nil // more may become ready at the same time
	}
	for i := range min(count, len(b.ready)) {
		ids = append(ids, b.ready[(n*7919+i)%len(b.ready)])
	}
	return ids
}

// searchBusy measures searches while documents are taken in: as long as that goes on.
func (b *bench) searchBusy(ctx context.Context) error {
	if err := b.grow(ctx); err != nil {
		return err
	}
	idle, err := b.ask(ctx, 1, 0)
	if err != nil {
		return err
	}
	files := b.files(b.bulk*1e6, papers.Text, papers.Markdown, papers.HTML)
	done := make(chan struct{})
	var failed error
	begin := time.Now()
	go func() {
		defer close(done)
		_, _, failed = b.take(ctx, files)
	}()
	var times []time.Duration
	for n := 0; ; n++ {
		select {
		case <-done:
		default:
			question := b.papers.Question(n, words)
			before := time.Now()
			if _, err = b.client.find(ctx, question, nil); err == nil {
				times = append(times, time.Since(before))
				continue
			}
			<-done
		}
		break
	}
	if err = errors.Join(err, failed); err != nil {
		return err
	}
	fmt.Fprintf(b.out, "\n| one client | searches | p50, ms | p90, ms | p99, ms | most, ms |\n|---|---|---|---|---|---|\n| nothing else | %d | %s |\n", len(idle), quantiles(idle))
	fmt.Fprintf(b.out, "| while %d MB are taken in (%.0f s) | %d | %s |\n", b.bulk, time.Since(begin).Seconds(), len(times), quantiles(times))
	return nil
}

// quotes looks at the text of every result of the searches: it must be these bytes of
// its document.
func (b *bench) quotes(ctx context.Context) error {
	if err := b.grow(ctx); err != nil {
		return err
	}
	all, same := 0, 0
	for n := range b.searches {
		hits, err := b.client.find(ctx, b.papers.Question(n, words), nil)
		if err != nil {
			return err
		}
		for _, h := range hits {
			text, err := b.client.bytes(ctx, http.MethodGet, fmt.Sprintf("/documents/%s/content?start=%d&end=%d", h.ID, h.Start, h.End), nil)
			if err != nil {
				return err
			}
			all++
			if string(text) == h.Text && h.End-h.Start == int64(len(h.Text)) {
				same++
			}
		}
	}
	fmt.Fprintf(b.out, "\nResults whose text is exactly those bytes of the document: %d of %d, of %d searches.\n", same, all, b.searches)
	if same != all || all == 0 {
		return errors.New("not every result is verbatim")
	}
	return nil
}

// quantiles are cells of a table: p50, p90, p99 and the most, in milliseconds.
func quantiles(times []time.Duration) string {
	if len(times) == 0 {
		return "- | - | - | -"
	}
	sorted := slices.Sorted(slices.Values(times))
	at := func(q float64) float64 {
		return float64(sorted[max(int(math.Ceil(q*float64(len(sorted))))-1, 0)]) / 1e6
	}
	return fmt.Sprintf("%.1f | %.1f | %.1f | %.1f", at(0.5), at(0.9), at(0.99), at(1))
}
