package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
)

// pin binds the program to the load's processor, by becoming a program that
// taskset starts: all threads are bound, and Go sees one processor.
func pin(s *settings, args []string) error {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return fmt.Errorf("it needs Linux: %w", err)
	}
	if field(status, "Cpus_allowed_list") == s.loadCPU {
		return nil
	}
	if s.pinned {
		return fmt.Errorf("taskset did not bind the program to processor %s", s.loadCPU)
	}
	taskset, err := exec.LookPath("taskset")
	if err != nil {
		return fmt.Errorf("no taskset (apt-get install util-linux): %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the program itself: %w", err)
	}
	command := append([]string{"taskset", "-c", s.loadCPU, self, "-pinned"}, append(slices.Clone(args), "-load-cpu", s.loadCPU)...)
	return fmt.Errorf("become a bound program: %w", syscall.Exec(taskset, command, os.Environ())) //nolint:gosec,forbidigo // G204: itself, with its own environment
}

// field is the value of a line "name: value".
func field(text []byte, name string) string {
	for line := range bytes.Lines(text) {
		key, value, _ := bytes.Cut(line, []byte(":"))
		if string(bytes.TrimSpace(key)) == name {
			return string(bytes.TrimSpace(value))
		}
	}
	return ""
}

// findNginx finds the program that was named, or the one of the machine.
func findNginx(named string) (string, error) {
	if named != "" {
		return absolute(named)
	}
	if found, err := exec.LookPath("nginx"); err == nil {
		return found, nil
	}
	const usual = "/usr/sbin/nginx" // which is not in everyone's PATH
	if _, err := os.Stat(usual); err != nil {
		return "", errors.New("no nginx, which is the anchor of all figures: apt-get install nginx, or -nginx FILE")
	}
	return usual, nil
}

func absolute(name string) (string, error) {
	if _, err := os.Stat(name); err != nil { //nolint:gosec // G703: whoever runs it names it
		return "", err
	}
	return filepath.Abs(name)
}

// describe tells on what machine and how it was measured.
func describe(s *settings, args []string) string {
	model := "an unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if name := field(text, "model name"); name != "" {
			model = name
		}
	}
	read := func(name string) string {
		text, _ := os.ReadFile(name) //nolint:gosec // G304: of /proc
		return strings.TrimSpace(string(text))
	}
	cores := strings.Count(read("/proc/cpuinfo"), "processor\t")
	flags := strings.TrimPrefix(strings.Join(args, " "), "-pinned ")
	flags = strings.TrimSuffix(flags, " -load-cpu "+s.loadCPU)
	return fmt.Sprintf("Machine: %s, %d cores, Linux %s, TCP %s, %s, load at the end %s. Target on processor %s, load generator and upstream on %s.\n"+
		"Command: `cd bench && go run ./cmd/dataplane %s`; %d rounds of %v after %v.",
		model, cores, read("/proc/sys/kernel/osrelease"), read("/proc/sys/net/ipv4/tcp_congestion_control"), runtime.Version(), strings.Join(strings.Fields(read("/proc/loadavg"))[:3], " "),
		s.targetCPU, s.loadCPU, flags, s.rounds, s.seconds, s.warmup)
}
