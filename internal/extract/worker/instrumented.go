//go:build race

package worker

// instrumented says that the race detector is in this program: it reserves terabytes.
const instrumented = true
