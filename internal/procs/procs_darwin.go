package procs

import (
	"bytes"

	"golang.org/x/sys/unix"
)

func list() ([]Process, error) {
	procs, err := unix.SysctlKinfoProcSlice("kern.proc.all")
	if err != nil {
		return nil, err
	}
	var all []Process
	for _, p := range procs {
		comm := p.Proc.P_comm[:]
		name := make([]byte, len(comm))
		for i, c := range comm {
			name[i] = byte(c)
		}
		name, _, _ = bytes.Cut(name, []byte{0})
		all = append(all, Process{int(p.Proc.P_pid), string(name)})
	}
	return all, nil
}
