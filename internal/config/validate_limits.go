package config

import (
	"fmt"
	"slices"
	"time"

	"github.com/fairleadhq/fairlead/internal/config/address"
	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
)

func (l *loader) validateLimits() {
	limits := &l.config.Limits
	if limits.MaxQueue > 0 && limits.MaxQueuePerApp > limits.MaxQueue {
		l.Warn(fmt.Sprintf("limits.max_queue_per_app (%d) is more than limits.max_queue (%d) and has no effect",
			limits.MaxQueuePerApp, limits.MaxQueue))
	}
	switch slots := limits.MaxConcurrentRequests; {
	case limits.Headroom == 0 || l.Wrong("limits.max_concurrent_requests"):
	case slots == 0:
		l.Warn("limits.headroom has no effect while limits.max_concurrent_requests is 0 (no limit)")
	case limits.Headroom >= slots:
		l.Complain("limits.headroom", fmt.Sprintf("%d is not less than max_concurrent_requests (%d): no app could hold a second slot",
			limits.Headroom, slots), "")
	}
	if on := l.limitsOn(); limits.TokenMode == "hard" && on["tokens_per_minute"]+on["provider_tokens_per_minute"] == 0 {
		l.Warn("limits.token_mode has no effect: no app and no provider has tokens_per_minute")
	}
}

// validateShares judges how the apps' shares of the slots fit together.
func (l *loader) validateShares() {
	slots, headroom, guaranteed := l.config.Limits.MaxConcurrentRequests, l.config.Limits.Headroom, 0
	limited := slots > 0 && !l.Wrong("limits.max_concurrent_requests")
	for i, app := range l.config.Apps {
		at := strictyaml.Item("apps", i)
		if app.MaxConcurrent > 0 && app.MinConcurrent > app.MaxConcurrent {
			l.Complain(at+".min_concurrent", fmt.Sprintf("%d is more than max_concurrent (%d)", app.MinConcurrent, app.MaxConcurrent), "")
		}
		if limited && app.MaxConcurrent > slots {
			l.Warn(fmt.Sprintf("%s.max_concurrent (%d) is more than limits.max_concurrent_requests (%d) and has no effect",
				at, app.MaxConcurrent, slots))
		}
		before := guaranteed
		guaranteed += app.MinConcurrent
		if limited && before <= slots && guaranteed > slots {
			l.Complain(at+".min_concurrent", fmt.Sprintf("with this one the apps' min_concurrent add up to %d, more than limits.max_concurrent_requests (%d)",
				guaranteed, slots), "no more slots can be promised than there are")
		}
	}
	if limited && guaranteed == slots && len(l.config.Apps) > 1 {
		l.Warn(fmt.Sprintf("the apps' min_concurrent add up to all of limits.max_concurrent_requests (%d): while they use them, nobody else is served", slots))
	}
	if limited && guaranteed > slots-headroom {
		l.Warn(fmt.Sprintf("limits.headroom (%d) of limits.max_concurrent_requests (%d) leaves too few slots for the apps' min_concurrent, which add up to %d",
			headroom, slots, guaranteed))
	}
}

// validateShadow tells of limits that are on trial twice, or while they are off.
func (l *loader) validateShadow() {
	const key = "limits.shadow"
	if l.Wrong(key) {
		return
	}
	names, on := l.config.Limits.Shadow, l.limitsOn()
	for i, name := range names {
		switch first := slices.Index(names, name); {
		case first < i:
			l.Complain(strictyaml.Item(key, i), fmt.Sprintf("%s is the same as %s", l.Quote(strictyaml.Item(key, i), name), strictyaml.Item(key, first)), "")
		case on[name] == 0:
			l.Warn(fmt.Sprintf("%s: %s has no effect: that limit is off", key, name))
		}
	}
}

// limitsOn maps each name of limits.shadow to a number that is above 0 if that
// limit is in force for anyone.
func (l *loader) limitsOn() map[string]int {
	limits := &l.config.Limits
	on := map[string]int{
		"rate_limit_per_minute":   limits.RateLimitPerMinute,
		"burst":                   min(limits.Burst.RequestsPerSecond, int(limits.Burst.Block)),
		"max_concurrent_requests": limits.MaxConcurrentRequests,
		"max_queue":               limits.MaxQueue,
		"max_queue_per_app":       limits.MaxQueuePerApp,
		"deadline":                1, // one may come with any request
	}
	for _, app := range l.config.Apps {
		on["rate_limit_per_minute"] += app.RateLimitPerMinute
		on["tokens_per_minute"] += app.TokensPerMinute
		on["max_concurrent"] += app.MaxConcurrent
	}
	for _, p := range l.config.LLM.Providers {
		on["concurrent_requests"] += p.HTTPClient.ConcurrentRequests
		on["provider_requests_per_minute"] += p.RateLimit.RequestsPerMinute
		on["provider_tokens_per_minute"] += p.RateLimit.TokensPerMinute
	}
	return on
}

// validateAlerts never repeats the webhook: its path often is a password.
func (l *loader) validateAlerts() {
	const shortest, longest = strictyaml.Duration(time.Second), strictyaml.Duration(time.Hour)
	alert, hook := &l.config.Limits.ErrorAlert, l.config.Alerts.Webhook
	if alert.Window < shortest || alert.Window > longest {
		l.Complain("limits.error_alert.window", fmt.Sprintf("%s is not between %s and %s", alert.Window, shortest, longest), "")
	}
	if hook == "" {
		return
	}
	if complaint := address.OfURL(hook.Reveal()); complaint != "" {
		l.Complain("alerts.webhook", complaint, "write it as https://host/path")
	}
	if alert.Rate == 0 {
		l.Warn("alerts.webhook has no effect while limits.error_alert.rate is 0 (never)")
	}
}
