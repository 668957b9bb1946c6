//go:build !race

package child

// Instrumented says that the race detector is in this program: it reserves terabytes.
const Instrumented = false
