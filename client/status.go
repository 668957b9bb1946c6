package client

import (
	"context"
	"encoding/json"
	"net/http"
)

// Me says what the calling app may do and what is left of it.
type Me struct {
	App    string `json:"app"`
	Limits struct {
		// 0 means no limit.
		RateLimitPerMinute    int `json:"rate_limit_per_minute"`
		MaxConcurrentRequests int `json:"max_concurrent_requests"`
		// Models are the names and * patterns of the models that it may use;
		// "*" means every model.
		Models []string `json:"models"`
	} `json:"limits"`
	// Requests is the app's window of requests; zero if it has no limit.
	Requests struct {
		Limit        int     `json:"limit"`
		Remaining    int     `json:"remaining"`
		ResetSeconds float64 `json:"reset_seconds"`
	} `json:"requests"`
	// InUse and Waiting count the app's calls that hold a slot and that wait
	// for one.
	InUse   int `json:"in_use"`
	Waiting int `json:"waiting"`
	// BlockedForSeconds is how much longer the app is blocked for sending too
	// many requests at once; 0 if it is not.
	BlockedForSeconds float64 `json:"blocked_for_seconds"`
	// Raw is the whole answer.
	Raw json.RawMessage `json:"-"`
}

// Me asks what the app may do. It costs nothing of the app's window.
func (c *Client) Me(ctx context.Context) (*Me, error) {
	var me Me
	raw, err := c.get(ctx, "/v1/me", &me)
	if err != nil {
		return nil, err
	}
	me.Raw = raw
	return &me, nil
}

// Info tells of the service.
type Info struct {
	Version           string `json:"version"`
	ConcurrencyLimits struct {
		MaxConcurrentRequests int `json:"max_concurrent_requests"`
		RateLimitPerMinute    int `json:"rate_limit_per_minute"`
	} `json:"concurrency_limits"`
	// Timeouts are the operations' time limits in seconds.
	Timeouts  map[string]float64 `json:"timeouts"`
	Models    []string           `json:"models"`
	Endpoints []string           `json:"endpoints"`
	// Raw is the whole answer.
	Raw json.RawMessage `json:"-"`
}

// Info asks for the service's limits and version.
func (c *Client) Info(ctx context.Context) (*Info, error) {
	var info Info
	raw, err := c.get(ctx, "/info", &info)
	if err != nil {
		return nil, err
	}
	info.Raw = raw
	return &info, nil
}

// Metrics tells how the service is doing, over all apps.
type Metrics struct {
	Concurrency struct {
		TotalRequests        int64 `json:"total_requests"`
		ConcurrentRequests   int   `json:"concurrent_requests"`
		MaxConcurrentReached int   `json:"max_concurrent_reached"`
		// AverageResponseTime is in seconds, queue included.
		AverageResponseTime float64 `json:"average_response_time"`
		// AvailableSlots is nil if the service has no limit of slots.
		AvailableSlots *int `json:"available_slots"`
	} `json:"concurrency_metrics"`
	// Active holds the calls on their way, by request id.
	Active map[string]struct {
		// Duration is in seconds.
		Duration float64 `json:"duration"`
		ThreadID int     `json:"thread_id"`
	} `json:"active_requests"`
	// Raw is the whole answer.
	Raw json.RawMessage `json:"-"`
}

// Metrics asks how the service is doing.
func (c *Client) Metrics(ctx context.Context) (*Metrics, error) {
	var metrics Metrics
	raw, err := c.get(ctx, "/metrics", &metrics)
	if err != nil {
		return nil, err
	}
	metrics.Raw = raw
	return &metrics, nil
}

// get reads a JSON object, and returns it raw as well.
func (c *Client) get(ctx context.Context, path string, into any) (json.RawMessage, error) {
	var raw json.RawMessage
	header, err := c.fetch(ctx, call{http.MethodGet, path, "application/json", nil}, &raw)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return nil, &BrokenError{RequestID: requestID(header, ""), Err: err}
	}
	return raw, nil
}
