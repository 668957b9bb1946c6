package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead/bench/papers"
	"github.com/fairleadhq/fairlead/internal/extract/pdf/pdftest"
)

// hostileAtOnce is how many hostile PDFs are there at the same time.
const hostileAtOnce = 10

// chats measures chats at a constant rate: alone, while hostile PDFs are read, and while
// text is taken in.
func (b *bench) chats(ctx context.Context) error {
	hostile := b.hostile()
	fmt.Fprintf(b.out, "\n| chats, %d a second for %v | chats | p50, ms | p90, ms | p99, ms | most, ms | beside it |\n|---|---|---|---|---|---|---|\n", b.rate, b.chat)
	for range b.rounds {
		times, err := b.open(ctx, nil)
		if err != nil {
			return err
		}
		fmt.Fprintf(b.out, "| nothing else | %d | %s | |\n", len(times), quantiles(times))
		if err := b.beside(ctx, "ten hostile PDFs", func(ctx context.Context, stop <-chan struct{}) (string, error) {
			return b.sendHostile(ctx, hostile, stop)
		}); err != nil {
			return err
		}
		files := b.files(b.bulk*1e6, papers.Text, papers.Markdown, papers.HTML)
		if err := b.beside(ctx, fmt.Sprintf("%d MB of text, until all is ready", b.bulk), func(ctx context.Context, _ <-chan struct{}) (string, error) {
			begin := time.Now()
			bytes, _, err := b.take(ctx, files)
			return fmt.Sprintf("%.0f MB in %.0f s", float64(bytes)/1e6, time.Since(begin).Seconds()), err
		}); err != nil {
			return err
		}
	}
	return nil
}

// work is what goes on beside chats, at least until stop is closed, and what came of it.
type work func(ctx context.Context, stop <-chan struct{}) (string, error)

// beside prints a row of chats while work goes on.
func (b *bench) beside(ctx context.Context, name string, do work) error {
	stop, done := make(chan struct{}), make(chan struct{})
	var came string
	var failed error
	go func() {
		defer close(done)
		came, failed = do(ctx, stop)
	}()
	times, err := b.open(ctx, done)
	close(stop)
	<-done
	if err = errors.Join(err, failed); err != nil {
		return err
	}
	fmt.Fprintf(b.out, "| %s | %d | %s | %s |\n", name, len(times), quantiles(times), came)
	return nil
}

// open makes chats at the rate, each timed from when it was due, whatever became of
// those before: for the time of a run, or less if done is closed before.
func (b *bench) open(ctx context.Context, done <-chan struct{}) (times []time.Duration, err error) {
	var mu sync.Mutex
	var group sync.WaitGroup
	begin := time.Now()
	wake := time.NewTimer(0)
	defer wake.Stop()
	for n := range int(b.chat.Seconds() * float64(b.rate)) {
		due := begin.Add(time.Duration(n) * time.Second / time.Duration(b.rate))
		wake.Reset(time.Until(due))
		select {
		case <-wake.C:
		case <-done:
			group.Wait()
			return times, err
		}
		group.Go(func() {
			failed := b.client.chat(ctx)
			took := time.Since(due)
			mu.Lock()
			times, err = append(times, took), errors.Join(err, failed)
			mu.Unlock()
		})
	}
	group.Wait()
	return times, err
}

// hostile makes the PDFs that cost most to read.
func (b *bench) hostile() (all []file) {
	for _, f := range pdftest.Hostile(pdftest.Full) {
		if len(all) < hostileAtOnce/2 {
			all = append(all, file{f.Name + ".pdf", f.Make()})
		}
	}
	return all
}

// sendHostile keeps ten hostile PDFs with the service until stop is closed, each another
// by what follows its end, and waits until all have ended.
func (b *bench) sendHostile(ctx context.Context, hostile []file, stop <-chan struct{}) (string, error) {
	var mu sync.Mutex
	var group sync.WaitGroup
	var err error
	ends := make(map[string]int)
	for i := range hostileAtOnce {
		mu.Lock()
		b.made += 1_000_000 // apart from those of the papers
		n := b.made
		mu.Unlock()
		group.Go(func() {
			for ; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				f := hostile[(i+n)%len(hostile)]
				data := append(append([]byte{}, f.data...), fmt.Sprintf("\n%%%d\n", n)...)
				d, failed := b.end(ctx, file{f.name, data})
				mu.Lock()
				if err = errors.Join(err, failed); failed == nil {
					ends[d.Status]++
				}
				mu.Unlock()
				if failed != nil {
					return
				}
			}
		})
	}
	group.Wait()
	return fmt.Sprintf("ended: %v", ends), err
}

// end uploads a file and waits for its end, whichever it is.
func (b *bench) end(ctx context.Context, f file) (*document, error) {
	d, err := b.client.upload(ctx, f.name, f.data, waitSeconds)
	for err == nil && !d.settled() {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(askEvery):
		}
		d, err = b.client.read(ctx, d.ID)
	}
	return d, err
}
