package kit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Cost is what a command used. Times are in seconds and include the processes that it waited for.
type Cost struct {
	Wall   float64 `json:"wall"`
	User   float64 `json:"user"`
	System float64 `json:"system"`
	MaxRSS int64   `json:"max_rss"` // bytes, of the largest process
}

// CPU returns user and system time, in seconds.
func (c Cost) CPU() float64 { return c.User + c.System }

// Command is a command to be measured.
type Command struct {
	Argv  []string
	Dir   string
	Env   []string
	Enter []string // prefix of the command line, before GNU time, that enters a namespace
	Temp  string   // directory for a file with the figures
}

// Outcome is the cost of a command, and how it ended.
type Outcome struct {
	Cost
	// SumRSS is the peak of the sum over all processes at one time, sampled every 50 ms, so it may
	// miss a short peak.
	SumRSS int64  `json:"sum_rss"`
	Exit   int    `json:"exit"`
	Output []byte `json:"-"` // standard output
	Errors []byte `json:"-"` // standard error
}

// Measure runs a command. An exit code other than 0 is not an error of Measure. It needs GNU time:
// the rusage that Go offers will not do, since a child started with vfork inherits the peak memory
// of its parent.
func (c Command) Measure(ctx context.Context) (o Outcome, err error) {
	rusage, err := os.MkdirTemp(c.Temp, "rusage-")
	if err != nil {
		return o, err
	}
	defer os.RemoveAll(rusage)
	if err := os.Chmod(rusage, 0o777); err != nil { // the command may run as another user
		return o, err
	}
	file := filepath.Join(rusage, "figures")
	argv := slices.Concat(c.Enter, []string{"/usr/bin/time", "-q", "-f", "%U %S %M", "-o", file}, c.Argv)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = c.Dir, c.Env
	cmd.WaitDelay = 10 * time.Second // processes that GNU time started outlive it
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return o, err
	}
	stop, peak := make(chan struct{}), make(chan int64)
	go func() { peak <- watchMemory(cmd.Process.Pid, stop) }()
	err = cmd.Wait()
	o.Wall, o.Exit = time.Since(start).Seconds(), cmd.ProcessState.ExitCode()
	o.Output, o.Errors = stdout.Bytes(), stderr.Bytes()
	close(stop)
	o.SumRSS = <-peak
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		return o, errors.Join(err, ctx.Err())
	}
	o.User, o.System, o.MaxRSS, err = readRusage(file)
	o.SumRSS = max(o.SumRSS, o.MaxRSS)
	return o, err
}

// Failure returns an error that says how a command ended, or nil if it succeeded.
func (o Outcome) Failure(name string) error {
	if o.Exit == 0 {
		return nil
	}
	return fmt.Errorf("%s: exit code %d\n%s%s", name, o.Exit, tail(o.Errors), tail(o.Output))
}

// readRusage reads the line of GNU time: the user and system time, in seconds, of a command and of
// the children it waited for, and the peak memory in bytes of the largest of them.
func readRusage(file string) (user, system float64, maxRSS int64, err error) {
	line, err := os.ReadFile(file)
	if err != nil {
		return 0, 0, 0, err
	}
	var kib int64
	if _, err := fmt.Sscanf(string(line), "%g %g %d", &user, &system, &kib); err != nil {
		return 0, 0, 0, fmt.Errorf("output of time %q: %w", line, err)
	}
	return user, system, kib << 10, nil
}

func tail(b []byte) []byte { return b[max(0, len(b)-4000):] }

// watchMemory returns the largest sum of the resident memory of all descendants of a process.
func watchMemory(pid int, stop <-chan struct{}) int64 {
	var peak int64
	for {
		select {
		case <-stop:
			return peak
		case <-time.After(50 * time.Millisecond):
			peak = max(peak, descendantsRSS(pid))
		}
	}
}

// descendantsRSS adds up resident bytes; processes that end meanwhile are not counted.
func descendantsRSS(pid int) int64 {
	var sum int64
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		children, _ := os.ReadFile(list)
		for _, field := range strings.Fields(string(children)) {
			child, _ := strconv.Atoi(field)
			sum += processRSS(child) + descendantsRSS(child)
		}
	}
	return sum
}

func processRSS(pid int) int64 {
	statm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid)) // size resident ..., in pages
	fields := strings.Fields(string(statm))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}
