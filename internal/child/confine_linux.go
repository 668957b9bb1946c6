package child

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"unsafe" //nolint:depguard // structures of system calls are told by their addresses
)

// OwnProgram is this program, even if its file was replaced since.
const OwnProgram = "/proc/self/exe"

// Attributes of a child: a group of its own, and the end of the thread that started it is
// its end. It stays in its parent's session: where sessions share the processors as such
// (sched_autogroup), a low priority counts within its session alone, and a child in one of
// its own would take as much as the whole service.
func Attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// KillAll kills a child and all that it may have started.
func KillAll(child *os.Process) error {
	err := syscall.Kill(-child.Pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// WasKilled reports whether a process was ended by the system or another process.
func WasKilled(p *os.ProcessState) bool {
	status, ok := p.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// Resident is how much memory a process has; 0 where it is gone.
func Resident(pid int) int64 {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return 0
	}
	if fields := strings.Fields(string(data)); len(fields) > 1 {
		pages, _ := strconv.ParseInt(fields[1], 10, 64)
		return pages * int64(os.Getpagesize())
	}
	return 0
}

// What a child may have, beside what its Bounds say.
const (
	openFiles = 32
	niceness  = 19
)

// limit is one that the system holds a process to.
type limit struct {
	resource int
	most     uint64
}

// Confine limits this process for the rest of its life, and gives it the lowest priority.
func Confine(b Bounds) error {
	// The system's choice when it runs out of memory. What can't be had here, such as a
	// /proc to write to, is no reason not to work.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
	yield()
	signal.Ignore(syscall.SIGXFSZ) // a file that grows too large is an error, no end
	limits := []limit{
		{syscall.RLIMIT_CORE, 0},
		{syscall.RLIMIT_FSIZE, b.File},
		{syscall.RLIMIT_NOFILE, openFiles},
	}
	if b.CPU > 0 {
		// Where the soft limit is the hard one, its end is SIGKILL.
		limits = append(limits, limit{syscall.RLIMIT_CPU, b.CPU})
	}
	if b.Data > 0 && !Instrumented {
		// Not the address space, of which Go reserves much that it never uses.
		limits = append(limits, limit{syscall.RLIMIT_DATA, b.Data})
	}
	for _, l := range limits {
		if err := syscall.Setrlimit(l.resource, &syscall.Rlimit{Cur: l.most, Max: l.most}); err != nil {
			return fmt.Errorf("limit %d: %w", l.resource, err)
		}
	}
	return filterCalls(b)
}

// Of the system's scheduler.
const (
	scheduleIdle     = 5 // SCHED_IDLE
	priorityForGroup = 1 // PRIO_PGRP
)

// yield gives this process the lowest priority: it runs where nothing else would, or
// hardly. What the system refuses is left as it is.
func yield() {
	_ = syscall.Setpriority(priorityForGroup, 0, niceness)
	// Threads take their policy from those that start them.
	for range 2 {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return
		}
		for _, thread := range threads {
			id, err := strconv.Atoi(thread.Name())
			if err != nil {
				continue
			}
			parameter := new(int32)                                                                                                     // its priority, which is 0
			_, _, _ = syscall.RawSyscall(syscall.SYS_SCHED_SETSCHEDULER, uintptr(id), scheduleIdle, uintptr(unsafe.Pointer(parameter))) //nolint:gosec // converted in the call itself
		}
	}
}

// Of prctl and seccomp.
const (
	setNoNewPrivileges = 38 // PR_SET_NO_NEW_PRIVS
	setModeFilter      = 1  // SECCOMP_SET_MODE_FILTER
	allThreads         = 1  // SECCOMP_FILTER_FLAG_TSYNC
)

// filterCalls takes away the right to get new rights, and the system calls that a reader
// of documents has no use for, from all threads. Where the system has no such filters,
// as some containers have not, it does without.
func filterCalls(b Bounds) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, setNoNewPrivileges, 1, 0, 0, 0, 0); errno != 0 {
		return fmt.Errorf("no new privileges: %w", errno)
	}
	program := filter(b)
	if program == nil {
		return nil
	}
	what := &syscall.SockFprog{Len: uint16(len(program)), Filter: &program[0]}                              //nolint:gosec // some dozens
	_, _, errno := syscall.RawSyscall(sysSeccomp, setModeFilter, allThreads, uintptr(unsafe.Pointer(what))) //nolint:gosec // converted in the call itself
	runtime.KeepAlive(program)
	if errno != 0 && errno != syscall.ENOSYS && errno != syscall.EINVAL {
		return fmt.Errorf("filter of calls: %w", errno)
	}
	return nil
}
