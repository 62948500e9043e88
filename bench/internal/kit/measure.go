package kit

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// Cost is what a command took. Times are in seconds and count the processes that it waited for.
type Cost struct {
	Wall   float64 `json:"wall"`
	User   float64 `json:"user"`
	System float64 `json:"system"`
	MaxRSS int64   `json:"max_rss"` // bytes, of the largest process
}

// CPU is user and system time, in seconds.
func (c Cost) CPU() float64 { return c.User + c.System }

// Measure runs a command in a directory and returns what it cost and what it printed to standard
// output. An exit code other than 0 is an error. It needs GNU time: the rusage that Go offers will
// not do, since a child that is started with vfork inherits the peak memory of its parent.
func Measure(ctx context.Context, temp, dir string, env []string, argv ...string) (Cost, []byte, error) {
	f, err := os.CreateTemp(temp, "rusage-")
	if err != nil {
		return Cost{}, nil, err
	}
	f.Close()
	defer os.Remove(f.Name())
	args := slices.Concat([]string{"-q", "-f", RusageFormat, "-o", f.Name()}, argv)
	cmd := exec.CommandContext(ctx, "/usr/bin/time", args...)
	cmd.Dir, cmd.Env = dir, env
	cmd.WaitDelay = 10 * time.Second // what time has started outlives it
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	err = cmd.Run()
	c := Cost{Wall: time.Since(start).Seconds()}
	if err != nil {
		return c, nil, fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(argv[0]), argv[min(1, len(argv)-1)], err, tail(stderr.Bytes()), tail(stdout.Bytes()))
	}
	c.User, c.System, c.MaxRSS, err = ReadRusage(f.Name())
	return c, stdout.Bytes(), err
}

// RusageFormat is for -f of GNU time, so that ReadRusage can read the line.
const RusageFormat = "%U %S %M"

// ReadRusage reads the line of GNU time: user and system time, in seconds, of a command and of the
// children it waited for, and the peak memory in bytes of the largest of them.
func ReadRusage(file string) (user, system float64, maxRSS int64, err error) {
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

func tail(b []byte) []byte { return b[max(0, len(b)-3000):] }
