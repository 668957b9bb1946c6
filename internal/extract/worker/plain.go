//go:build !race

package worker

const instrumented = false
