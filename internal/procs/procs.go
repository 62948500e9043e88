// Package procs finds running processes by the name of their program, using what the system offers:
// /proc on Linux, sysctl on macOS, a snapshot of the process list on Windows. It sees the processes
// of all users, but not those of other machines, nor of containers that have a process list of
// their own.
package procs

import (
	"os"
	"strconv"
	"time"
)

// Process is a running program.
type Process struct {
	PID int
	// name of the program file, without directory and ".exe"; some systems cut it at 15 bytes
	Name string
}

// String names the process for people, with what it does and whose it is where the system tells.
func (p Process) String() string {
	text := "process " + strconv.Itoa(p.PID)
	if more := describe(p.PID); more != "" {
		text += " (" + more + ")"
	}
	return text
}

// Started is when the process began, by the clock of this machine. The error is os.ErrProcessDone
// if it has ended, and another one if the system does not tell, as Windows may for those of other
// users.
func (p Process) Started() (time.Time, error) { return started(p.PID) }

// Named lists the processes whose program has this name, except this process and its parent: `go
// run` waits for what it runs. If the system cannot list processes, the error is
// errors.ErrUnsupported.
func Named(name string) ([]Process, error) {
	all, err := list()
	if err != nil {
		return nil, err
	}
	var found []Process
	for _, p := range all {
		if p.Name == name && p.PID != os.Getpid() && p.PID != os.Getppid() {
			found = append(found, p)
		}
	}
	return found, nil
}
