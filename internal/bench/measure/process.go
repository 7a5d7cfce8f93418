package measure

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// pinned marks a program that has already moved itself to a core.
const pinned = "SIDEGATE_BENCH_PINNED"

// PinSelf moves the running program to one core by starting it anew under taskset, so that all its threads are
// there. It returns false, and changes nothing, where that cannot be done.
func PinSelf(core int) (bool, error) {
	if os.Getenv(pinned) != "" {
		return true, nil
	}
	taskset, err := exec.LookPath("taskset")
	if err != nil {
		return false, nil
	}
	self, err := os.Executable()
	if err != nil {
		return false, fmt.Errorf("finding the program: %w", err)
	}
	args := append([]string{"taskset", "-c", fmt.Sprint(core), self}, os.Args[1:]...)
	if err := syscall.Exec(taskset, args, append(os.Environ(), pinned+"=1")); err != nil {
		return false, fmt.Errorf("moving to core %d: %w", core, err)
	}
	return true, nil
}

// CPU is the processor time that the child has used, from its process clock.
func (c *Child) CPU() (time.Duration, error) {
	// A process's CPU clock is named by its inverted id and the kind of clock (clock_getcpuclockid(3)).
	const schedClock = 2
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^c.cmd.Process.Pid<<3|schedClock), &ts); err != nil {
		return 0, fmt.Errorf("reading a CPU clock: %w", err)
	}
	return time.Duration(ts.Nano()), nil
}

// RSS is the child's resident memory in bytes, as it is.
func (c *Child) RSS() (uint64, error) { return rss(c.cmd.Process.Pid) }

// rss is the resident memory of a process in bytes.
func rss(pid int) (uint64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("reading the resident memory: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		var kib uint64
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kib); err == nil {
			return kib << 10, nil
		}
	}
	return 0, fmt.Errorf("process %d has no VmRSS", pid)
}

// AllowFiles raises the limit of open files to n, for this process and its children. The error says what
// the limit is.
func AllowFiles(n uint64) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("reading the limit of open files: %w", err)
	}
	if limit.Cur >= n {
		return nil
	}
	want := unix.Rlimit{Cur: n, Max: max(n, limit.Max)}
	// syscall's, not unix's: it tells package os to leave children with the raised limit.
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, (*syscall.Rlimit)(&want)); err != nil {
		return fmt.Errorf("%d open files are needed and %d allowed (ulimit -n): %w", n, limit.Cur, err)
	}
	return nil
}
