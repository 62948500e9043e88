package procs

import "golang.org/x/sys/unix"

func user(pid int) (uid int, known bool) {
	p, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return 0, false
	}
	return int(p.Eproc.Ucred.Uid), true
}
