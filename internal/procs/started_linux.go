package procs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ticks is in how many parts of a second /proc counts: USER_HZ is 100 on every architecture that Go
// supports.
const ticks = 100

// started reads the time since the start of the system from /proc/PID/stat, field 22. Clock and
// field are those of the same time namespace, unlike /proc/uptime in some containers.
func started(pid int) (time.Time, error) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return time.Time{}, os.ErrProcessDone
	}
	if err != nil {
		return time.Time{}, err
	}
	// the fields after the name, which may have blanks and parentheses, begin with the third
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return time.Time{}, fmt.Errorf("process %d: its stat is %q", pid, stat)
	}
	begin, err := strconv.ParseInt(string(fields[19]), 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("process %d: its start: %w", pid, err)
	}
	var up unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &up); err != nil {
		return time.Time{}, err
	}
	age := time.Duration(up.Nano()) - time.Duration(begin)*(time.Second/ticks)
	return time.Now().Add(-age), nil
}
