package main

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

	"github.com/org/gocache-action/bench/internal/kit"
)

// stage is one command of a tool's work.
type stage struct {
	label string
	dir   string
	argv  []string
}

// cost is what one piece of work took. Times are in seconds, memory is in bytes.
type cost struct {
	Wall   float64 `json:"wall"`
	User   float64 `json:"user"`
	System float64 `json:"system"`
	// MaxRSS is the peak of the largest process; SumRSS the peak of the sum over the
	// processes that ran at the same time, sampled every 50 ms, so that it may miss a short peak.
	MaxRSS int64  `json:"max_rss"`
	SumRSS int64  `json:"sum_rss"`
	Exit   int    `json:"exit"`
	Output []byte `json:"-"` // standard output
	Errors []byte `json:"-"` // standard error
}

func (c cost) cpu() float64 { return c.User + c.System }

// then adds the cost of work that was done after c.
func (c cost) then(d cost) cost {
	return cost{
		Wall: c.Wall + d.Wall, User: c.User + d.User, System: c.System + d.System,
		MaxRSS: max(c.MaxRSS, d.MaxRSS), SumRSS: max(c.SumRSS, d.SumRSS), Exit: max(c.Exit, d.Exit),
		Output: slices.Concat(c.Output, d.Output), Errors: slices.Concat(c.Errors, d.Errors),
	}
}

// measure runs a stage as the user at the client's end of the link. An exit code other than 0
// is not an error of measure.
func (l *lab) measure(ctx context.Context, k *link, env []string, s stage) (cost, error) {
	// GNU time and not the rusage that Go offers: a child that is started with vfork inherits
	// the peak memory of its parent, which would be the benchmark's.
	rusage := l.path("tmp", "rusage")
	argv := slices.Concat(k.client, []string{"/usr/bin/time", "-q", "-f", kit.RusageFormat, "-o", rusage}, asUser(s.argv...))
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = s.dir, slices.Concat(l.env, env)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return cost{}, fmt.Errorf("%s: %w", s.label, err)
	}
	stop := make(chan struct{})
	peak := make(chan int64)
	go func() { peak <- watchMemory(cmd.Process.Pid, stop) }()
	err := cmd.Wait()
	c := cost{Wall: time.Since(start).Seconds(), Exit: cmd.ProcessState.ExitCode(), Output: stdout.Bytes(), Errors: stderr.Bytes()}
	close(stop)
	c.SumRSS = <-peak
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		return c, errors.Join(err, ctx.Err())
	}
	return c, c.readRusage(rusage)
}

// readRusage adds what GNU time found out.
func (c *cost) readRusage(file string) (err error) {
	if c.User, c.System, c.MaxRSS, err = kit.ReadRusage(file); err != nil {
		return err
	}
	c.SumRSS = max(c.SumRSS, c.MaxRSS)
	return os.Remove(file)
}

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

// descendantsRSS sums up resident bytes; processes that end meanwhile count nothing.
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
