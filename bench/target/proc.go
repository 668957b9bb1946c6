package target

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of the times in /proc/PID/stat: USER_HZ, which is 100 on
// every Linux that Go runs on but alpha's and ia64's.
const tick = 10 * time.Millisecond

// Usage is what a process and its children have used.
type Usage struct {
	// CPU is the time on processors, in user and kernel mode, exact to a tick
	// of 10 ms for each process.
	CPU time.Duration
	// RSS are the bytes of memory that are resident. What processes share,
	// such as the program, counts for each of them.
	RSS int64
}

// stat is what is read of /proc/PID/stat.
type stat struct {
	parent int
	cpu    time.Duration
}

// parseStat reads /proc/PID/stat. The program's name, in parentheses, may hold
// anything, so what follows the last one counts.
func parseStat(text []byte) (stat, error) {
	end := bytes.LastIndexByte(text, ')')
	fields := bytes.Fields(text[end+1:])
	const parentField, userField, systemField = 1, 11, 12 // 4, 14 and 15 of proc(5)
	if end < 0 || len(fields) <= systemField {
		return stat{}, fmt.Errorf("not a process's stat: %q", text)
	}
	var values [3]int
	for i, at := range []int{parentField, userField, systemField} {
		v, err := strconv.Atoi(string(fields[at]))
		if err != nil {
			return stat{}, fmt.Errorf("not a process's stat: %w", err)
		}
		values[i] = v
	}
	return stat{parent: values[0], cpu: time.Duration(values[1]+values[2]) * tick}, nil
}

// parseRSS reads VmRSS, in bytes, from /proc/PID/status; a process that has
// ended, and a kernel thread, has none.
func parseRSS(text []byte) (int64, error) {
	for line := range strings.Lines(string(text)) {
		value, ok := strings.CutPrefix(line, "VmRSS:")
		if !ok {
			continue
		}
		kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("not a size: %w", err)
		}
		return kb << 10, nil
	}
	return 0, nil
}

// Busy is how long a processor has been busy since the machine started, with
// whatever: time that the host took away is counted, idle time is not.
func Busy(proc fs.FS, cpu string) (time.Duration, error) {
	text, err := fs.ReadFile(proc, "stat")
	if err != nil {
		return 0, fmt.Errorf("read the processors' times: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		const steal, idle, waiting = 8, 4, 5 // of proc(5), after the name
		if len(fields) <= steal || fields[0] != "cpu"+cpu {
			continue
		}
		var sum int
		for i, field := range fields[:steal+1] {
			if i == 0 || i == idle || i == waiting {
				continue
			}
			v, err := strconv.Atoi(field)
			if err != nil {
				return 0, fmt.Errorf("not a processor's times: %w", err)
			}
			sum += v
		}
		return time.Duration(sum) * tick, nil
	}
	return 0, fmt.Errorf("no processor %q", cpu)
}

// tree is the process and all that descend from it.
func tree(proc fs.FS, root int) []int {
	children := make(map[int][]int)
	entries, _ := fs.ReadDir(proc, ".") // of what can't be read there is nothing to tell
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		text, err := fs.ReadFile(proc, entry.Name()+"/stat")
		if err != nil {
			continue // it has just ended
		}
		if s, err := parseStat(text); err == nil {
			children[s.parent] = append(children[s.parent], pid)
		}
	}
	all := []int{root}
	for i := 0; i < len(all); i++ {
		for _, child := range children[all[i]] {
			if !slices.Contains(all, child) {
				all = append(all, child)
			}
		}
	}
	return all
}

// usage adds up what the processes have used.
func usage(proc fs.FS, pids []int) (Usage, error) {
	var sum Usage
	for _, pid := range pids {
		text, err := fs.ReadFile(proc, strconv.Itoa(pid)+"/stat")
		if err != nil {
			return Usage{}, fmt.Errorf("process %d has ended: %w", pid, err)
		}
		s, err := parseStat(text)
		if err != nil {
			return Usage{}, err
		}
		if text, err = fs.ReadFile(proc, strconv.Itoa(pid)+"/status"); err != nil {
			return Usage{}, fmt.Errorf("process %d has ended: %w", pid, err)
		}
		rss, err := parseRSS(text)
		if err != nil {
			return Usage{}, err
		}
		sum.CPU += s.cpu
		sum.RSS += rss
	}
	return sum, nil
}
