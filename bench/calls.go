package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/org/gocache-action/bench/internal/kit"
)

// calls counts the system calls of one restore that create, write or close files.
type calls struct {
	Files   int `json:"files"`   // regular files in the caches afterwards
	Creates int `json:"creates"` // successful opens that create
	Writes  int `json:"writes"`  // to files opened in this way
	Closes  int `json:"closes"`
	// Outputs whose bytes lie in several frames are assembled under another name, with an open,
	// writes and a close for each frame. They are among Files, but these calls are not counted
	// above.
	Assembled      int `json:"assembled"`
	AssembledCalls int `json:"assembled_calls"`
	// These calls make directories and rename trees and files; the target does not limit them.
	Mkdirs  int `json:"mkdirs"`
	Renames int `json:"renames"`
}

// perFile returns the number of calls for each file that is not assembled.
func (c *calls) perFile() float64 {
	return float64(c.Creates+c.Writes+c.Closes) / float64(max(c.Files-c.Assembled, 1))
}

// traced lists the calls that strace shows. They include all variants in the kernel of calls that
// create, write or close a file.
const traced = "openat,openat2,open,creat,write,pwrite64,writev,pwritev,pwritev2,copy_file_range,sendfile,splice,ftruncate,fallocate,close,mkdir,mkdirat,rename,renameat,renameat2,link,linkat"

// systemCalls runs one more restore into empty directories, under strace.
func (c *chain) systemCalls(ctx context.Context, t tool) (*calls, error) {
	c.round, c.wanted = 0, nil
	if err := c.all(ctx, t); err != nil { // the first save
		return nil, err
	}
	if err := c.emptyCaches(); err != nil {
		return nil, err
	}
	logf("counting the system calls of a restore")
	log := c.Path("tmp", "strace")
	for _, s := range t.restore(c.number) {
		s.argv = slices.Concat([]string{"strace", "-f", "--seccomp-bpf", "-s", "0", "-e", "trace=" + traced, "-e", "signal=none", "-o", log}, s.argv)
		if _, err := c.succeed(ctx, t.env(), s); err != nil {
			return nil, err
		}
	}
	f, err := os.Open(log)
	if err != nil {
		return nil, err
	}
	defer os.Remove(log)
	defer f.Close()
	counted, err := countCalls(f)
	if err != nil {
		return nil, err
	}
	counted.Files, _, err = kit.TreeSize(c.Path("caches"))
	return &counted, err
}

// straceLine matches a thread ID, a name, arguments and a result. An interrupted line has no
// result, and the line that resumes it has no arguments.
var straceLine = regexp.MustCompile(`^(\d+)\s+(<\.\.\. )?(\w+)(?:\(| resumed>)(.*)$`)

// unfinished ends the first of two lines of a call that another thread interrupted.
const unfinished = " <unfinished ...>"

// countCalls reads the output of "strace -f" for a program that is one process with several
// threads. Short-lived children, such as "go env", are included.
func countCalls(r io.Reader) (calls, error) {
	t := callTracker{pending: map[string]string{}, open: map[string]kind{}}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		m := straceLine.FindStringSubmatch(lines.Text())
		if m == nil {
			continue // a thread exited
		}
		thread, resumed, name, rest := m[1], m[2] != "", m[3], m[4]
		if resumed {
			rest = t.pending[thread] + rest
		}
		begun, interrupted := strings.CutSuffix(rest, unfinished)
		// Others can get the descriptor as soon as close has begun, whenever it returns.
		if name == "close" && !resumed {
			t.close(begun)
		}
		if interrupted {
			t.pending[thread] = begun
			continue
		}
		t.count(name, rest)
	}
	return t.calls, lines.Err()
}

// callTracker keeps track of the descriptors of created files.
type callTracker struct {
	calls
	pending map[string]string // by thread: arguments of its unfinished call
	open    map[string]kind   // by descriptor
}

// kind says what a descriptor stands for.
type kind int

const (
	other kind = iota
	created
	partial // an output that is being assembled
)

// partialName is how the name of a partial output ends.
const partialName = `.partial"`

// kindOf returns the kind of descriptor that a successful open returns.
func kindOf(name, args string) kind {
	creates := name == "creat" || strings.Contains(args, "O_CREAT") || strings.Contains(args, "O_TMPFILE")
	switch {
	case strings.Contains(args, partialName):
		return partial
	case creates:
		return created
	}
	return other
}

// count counts a complete call; rest is its arguments and its result.
func (t *callTracker) count(name, rest string) {
	// after the arguments, which may also contain "= "
	result := rest[strings.LastIndex(rest, "= ")+len("= "):]
	descriptor, _, _ := strings.Cut(rest, ",")
	switch {
	case strings.HasPrefix(result, "-1"):
	case strings.HasPrefix(name, "open") || name == "creat":
		t.opened(result, kindOf(name, rest), strings.Contains(rest, "O_CREAT"))
	case strings.HasPrefix(name, "mkdir"):
		t.Mkdirs++
	case strings.HasPrefix(name, "rename") || strings.HasPrefix(name, "link"):
		t.Renames++
	case name != "close" && t.open[descriptor] == created:
		t.Writes++
	case name != "close" && t.open[descriptor] == partial:
		t.AssembledCalls++
	}
}

func (t *callTracker) opened(descriptor string, k kind, creates bool) {
	t.open[descriptor] = k
	switch {
	case k == created:
		t.Creates++
	case k == partial:
		t.AssembledCalls++
		if creates {
			t.Assembled++
		}
	}
}

func (t *callTracker) close(args string) {
	descriptor, _, _ := strings.Cut(args, ")")
	switch t.open[descriptor] {
	case created:
		t.Closes++
	case partial:
		t.AssembledCalls++
	}
	delete(t.open, descriptor)
}

func (c *calls) String() string {
	return fmt.Sprintf("%d files of one frame: %d creating, %d writing, %d closing calls, %.2f a file; "+
		"%d outputs of several frames: %d such calls; besides %d mkdir, %d rename and link",
		c.Files-c.Assembled, c.Creates, c.Writes, c.Closes, c.perFile(), c.Assembled, c.AssembledCalls, c.Mkdirs, c.Renames)
}
