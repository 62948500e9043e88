package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/org/gocache-action/bench/internal/kit"
	"github.com/org/gocache-action/internal/osfile"
)

// lab is the working directory, the server, and how commands are started.
type lab struct {
	options
	server *server
}

func newLab(ctx context.Context, o options) (*lab, error) {
	l := &lab{options: o}
	if err := l.empty(); err != nil {
		return nil, err
	}
	for _, dir := range []string{"tmp", "home"} {
		if err := os.MkdirAll(l.path(dir), 0o755); err != nil {
			return nil, err
		}
	}
	var err error
	l.server, err = startServer(ctx, o.server, l.path("server"))
	return l, err
}

func (l *lab) path(elem ...string) string { return filepath.Join(append([]string{l.work}, elem...)...) }

// empty removes what is in the working directory; itself it may be a mount point.
func (l *lab) empty() error {
	list, err := os.ReadDir(l.work)
	if err != nil {
		return os.MkdirAll(l.work, 0o755)
	}
	for _, d := range list {
		if d.Name() != "lost+found" {
			err = errors.Join(err, osfile.RemoveAll(l.path(d.Name())))
		}
	}
	return err
}

func (l *lab) close() {
	l.server.close()
	if l.scratch {
		return
	}
	if err := l.empty(); err != nil {
		logf("%v", err)
	}
}

// job is one machine: its caches, and the project and the store that it works with.
type job struct {
	lab     *lab
	dir     string // of the caches and of the state file
	project string
	prefix  string // in the bucket
}

func (j job) modDir() string   { return filepath.Join(j.dir, "mod") }
func (j job) buildDir() string { return filepath.Join(j.dir, "build") }

// env is that of a job without network but for the store.
func (j job) env() []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "GO") || strings.HasPrefix(v, "AWS_") || strings.HasPrefix(v, "TMPDIR=") || strings.HasPrefix(v, "HOME=")
	})
	return append(append(env, j.lab.server.env()...),
		"GOMODCACHE="+j.modDir(), "GOCACHE="+j.buildDir(), "GOPROXY=off", "GOSUMDB=off", "GOENV=off", "GOTOOLCHAIN=local", "GOWORK=off",
		"HOME="+j.lab.path("home"), "TMPDIR="+j.lab.path("tmp"))
}

func (j job) args(verb ...string) []string {
	args := slices.Concat([]string{j.lab.gocache}, verb, []string{"--store", j.lab.server.url(j.prefix), "--timeout", "0", "--quiet", "--json"})
	if verb[0] == "gc" {
		return args
	}
	return append(args, "--name", "scale", "--repo", "scale", "--scope", "main", "--default-scope", "main",
		"--dir", j.project, "--state", filepath.Join(j.dir, "state.json"))
}

// output is what the commands print and is of interest here; each prints a part of it.
type output struct {
	counts
	Restore, Save struct{ counts } // of plan
	Written       bool
	BytesUploaded int64
	BytesFetched  int64
	Requests      map[string]int64
	Error         string
	Losses        []any
	Warnings      []string
}

type counts struct {
	Build, Modules struct{ Restored, Present, Missing, Refused, Uploaded, Stored, Trimmed, Skipped, Fetch, Upload int }
}

// run runs a command. A warning is an error: nothing goes wrong here.
func (j job) run(ctx context.Context, verb ...string) (kit.Cost, output, error) {
	if err := os.MkdirAll(j.dir, 0o755); err != nil {
		return kit.Cost{}, output{}, err
	}
	c, printed, err := kit.Measure(ctx, j.lab.path("tmp"), j.project, j.env(), j.args(verb...)...)
	var out output
	if err == nil {
		err = json.Unmarshal(printed, &out)
	}
	if err == nil && (out.Error != "" || len(out.Losses)+len(out.Warnings) > 0) {
		err = fmt.Errorf("%s: %s", strings.Join(verb, " "), printed[:min(len(printed), 3000)])
	}
	return c, out, err
}

// machine says with what a run was made.
type machine struct {
	Cores   int    `json:"cores"`
	Go      string `json:"go"`
	Kernel  string `json:"kernel"`
	Gocache string `json:"gocache"`
	Commit  string `json:"commit"`
}

func describeMachine(ctx context.Context, gocache string) machine {
	return machine{
		Cores: runtime.NumCPU(), Go: kit.FirstLine(ctx, "go", "env", "GOVERSION"), Kernel: kit.FirstLine(ctx, "uname", "-sr"),
		Gocache: kit.FirstLine(ctx, gocache, "version"), Commit: kit.FirstLine(ctx, "git", "describe", "--always", "--dirty", "--abbrev=12"),
	}
}
