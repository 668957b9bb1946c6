package config

// absentShapes lists the keys of the contract that this version does not act
// on; a tree is named by its root.
func absentShapes() []string {
	return []string{
		"server.worker_threads",
		"timeouts.upload",
		"timeouts.analyze",
		"timeouts.search",
		"timeouts.insights",
	}
}
