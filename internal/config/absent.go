package config

import "slices"

// notAvailable is said of keys and values of the contract that this version
// does not act on: ignoring them would promise what is not kept.
const notAvailable = "not available in this version"

// isAbsent reports whether shape is a key of the contract without behaviour.
func isAbsent(shape string) bool { return slices.Contains(absentShapes(), shape) }

// absentShapes lists those keys; a tree is named by its root.
func absentShapes() []string {
	return []string{
		"server.worker_threads",
		"server.max_connections",
		"limits.headroom",
		"limits.queue_heartbeat_after",
		"limits.slow_reader_grace",
		"limits.token_mode",
		"limits.shadow",
		"limits.error_alert",
		"timeouts.upload",
		"timeouts.analyze",
		"timeouts.search",
		"timeouts.insights",
		"apps[].tokens_per_minute",
		"apps[].max_concurrent",
		"apps[].weight",
		"apps[].class",
		"apps[].min_concurrent",
		"chat",
		"llm.providers.*.retry",
		"llm.providers.*.rate_limit",
		"llm.providers.*.responses",
		"llm.providers.*.http_client.http2",
		"alerts",
	}
}

// isAbsentValue reports whether text is a value of the contract, for the key of
// that shape, without behaviour.
func isAbsentValue(shape, text string) bool {
	return shape == "llm.providers.*.dialect" && text == "anthropic"
}
