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
		// 0 means no limit. MaxConcurrentRequests are the slots of the whole
		// service, MaxConcurrent those that the app may hold, and MinConcurrent those
		// that it gets before others.
		RateLimitPerMinute    int `json:"rate_limit_per_minute"`
		TokensPerMinute       int `json:"tokens_per_minute"`
		MaxConcurrentRequests int `json:"max_concurrent_requests"`
		MaxConcurrent         int `json:"max_concurrent"`
		MinConcurrent         int `json:"min_concurrent"`
		// Weight is the app's share of scarce slots beside those of others.
		Weight int   `json:"weight"`
		Class  Class `json:"class"`
		// Models are the names and * patterns of the models that it may use;
		// "*" means every model.
		Models []string `json:"models"`
	} `json:"limits"`
	// Requests and Tokens are the app's windows; one is zero if the app has no
	// such limit.
	Requests Window `json:"requests"`
	Tokens   Window `json:"tokens"`
	// InUse and Waiting count the slots that the app's calls hold and the calls
	// that wait for one; Classes has the same for each class.
	InUse   int            `json:"in_use"`
	Waiting int            `json:"waiting"`
	Classes map[Class]Load `json:"classes"`
	// NextWaitSeconds is about how long a call would wait for a slot if it came
	// now.
	NextWaitSeconds float64 `json:"next_wait_seconds"`
	// BlockedForSeconds is how much longer the app is blocked for sending too
	// many requests at once; 0 if it is not.
	BlockedForSeconds float64 `json:"blocked_for_seconds"`
	// Refused tells why calls of the app were refused since the service started,
	// the commonest reason first.
	Refused []Refusal `json:"refused"`
	// Raw is the whole answer.
	Raw json.RawMessage `json:"-"`
}

// Window is a limit for any 60 seconds, and what is left of it.
type Window struct {
	Limit     int `json:"limit"`
	Remaining int `json:"remaining"`
	// ResetSeconds is how long until all of it would be left if nothing came.
	ResetSeconds float64 `json:"reset_seconds"`
}

// Load is how many slots are held, and how many calls wait for one.
type Load struct {
	InUse   int `json:"in_use"`
	Waiting int `json:"waiting"`
}

// Refusal is a reason for which calls were refused.
type Refusal struct {
	Code           string  `json:"code"`
	Count          int64   `json:"count"`
	LastSecondsAgo float64 `json:"last_seconds_ago"`
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
	header, err := c.fetch(ctx, call{method: http.MethodGet, path: path, accept: "application/json"}, &raw)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return nil, &BrokenError{RequestID: requestID(header, ""), Err: err}
	}
	return raw, nil
}
