package upstream

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// optionsQuery is how a running server is given other options.
const optionsQuery = "/options?delay=%d&chunks=%d&interval=%d"

// read takes the options from the start line of a request.
func (o *Options) read(line string) bool {
	var delay, interval int64
	var chunks int
	if n, err := fmt.Sscanf(line, "GET "+optionsQuery+" ", &delay, &chunks, &interval); n != 3 || err != nil {
		return false
	}
	o.Delay, o.Chunks, o.Interval = time.Duration(delay), chunks, time.Duration(interval)
	return true
}

// Set gives the server on that port of 127.0.0.1 other options; Port has no
// meaning here. Calls that are being answered keep to the new ones.
func Set(ctx context.Context, client *http.Client, port int, o Options) error {
	url := fmt.Sprintf("http://127.0.0.1:%d"+optionsQuery, port, o.Delay, o.Chunks, o.Interval)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("set the upstream's options: %w", err)
	}
	answer, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("set the upstream's options: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("set the upstream's options: it answers %s", answer.Status)
	}
	return nil
}

// Ask asks the server on that port of 127.0.0.1 what it has seen.
func Ask(ctx context.Context, client *http.Client, port int) (Stats, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/stats", port), http.NoBody)
	if err != nil {
		return Stats{}, fmt.Errorf("ask the upstream: %w", err)
	}
	answer, err := client.Do(req)
	if err != nil {
		return Stats{}, fmt.Errorf("ask the upstream: %w", err)
	}
	defer answer.Body.Close()
	var stats Stats
	if err := json.NewDecoder(answer.Body).Decode(&stats); err != nil {
		return Stats{}, fmt.Errorf("read the upstream's stats: %w", err)
	}
	return stats, nil
}
