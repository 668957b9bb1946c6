package config

// absentShapes lists the keys of the contract that this version does not act
// on; a tree is named by its root.
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

// absentValues lists the values of the contract without behaviour, by their key.
func absentValues() map[string][]string {
	return map[string][]string{"llm.providers.*.dialect": {"anthropic"}}
}
