//go:build !race

package fairqueue_test

const underRace = false
