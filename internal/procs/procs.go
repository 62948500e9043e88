// Package procs finds running processes by the name of their program, using what the system offers:
// /proc on Linux, sysctl on macOS, a snapshot of the process list on Windows. It sees the processes
// of all users, but not those of other machines, nor of containers that have a process list of
// their own.
package procs

import (
	"os"
	"regexp"
	"strconv"
	"strings"
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

// User is the number of the user whose rights the process has; known is false if the system does
// not tell, or the process has ended.
func (p Process) User() (uid int, known bool) { return user(p.PID) }

// goProgram is what go commands are called: go, and what people call a second one, such as go1.26,
// go-1.26.0 and go.1.27rc1.
var goProgram = regexp.MustCompile(`^go([-.]?[0-9][0-9a-z.-]*)?(\.exe)?$`)

// IsGo reports whether a program of this name is a go command.
func IsGo(name string) bool { return goProgram.MatchString(name) }

// LoadsPackages reports whether a program of this name is one of those that read the sources of
// modules themselves, after a go command has told them where these are, and run for long.
func LoadsPackages(name string) bool {
	switch strings.TrimSuffix(name, ".exe") {
	case "gopls", "golangci-lint", "staticcheck", "govulncheck":
		return true
	}
	return false
}

// Named lists the processes whose program has a name for which is returns true, except this process
// and its parent: `go run` waits for what it runs. On Linux, it asks also for the file that a
// process runs, which a symbolic link may have another name for, where this user may see that. If
// the system cannot list processes, the error is errors.ErrUnsupported.
func Named(is func(name string) bool) ([]Process, error) {
	all, err := list()
	if err != nil {
		return nil, err
	}
	var found []Process
	for _, p := range all {
		if p.PID == os.Getpid() || p.PID == os.Getppid() {
			continue
		}
		if !is(p.Name) {
			p.Name = program(p.PID)
		}
		if is(p.Name) {
			found = append(found, p)
		}
	}
	return found, nil
}
