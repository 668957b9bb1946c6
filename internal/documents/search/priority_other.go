//go:build !linux

package search

// atLowPriority calls work; threads have no priority of their own here.
func atLowPriority(work func()) { work() }
