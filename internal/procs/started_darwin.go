package procs

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

func started(pid int) (time.Time, error) {
	p, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return time.Time{}, err
	}
	if int(p.Proc.P_pid) != pid {
		return time.Time{}, os.ErrProcessDone
	}
	return time.Unix(p.Proc.P_starttime.Unix()), nil
}
