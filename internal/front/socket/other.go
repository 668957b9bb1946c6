//go:build !linux

// Package socket is empty on this system.
package socket
