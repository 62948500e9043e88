package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/org/gocache-action/bench/internal/kit"
	"github.com/org/gocache-action/internal/osfile"
)

const bucket = "scale"

// lab is the working directory and the server, and starts commands.
type lab struct {
	kit.Dir
	options
	image  *kit.Image // what is mounted at the directory; may be nil
	server *kit.Server
}

func newLab(ctx context.Context, o options) (*lab, error) {
	l := &lab{Dir: kit.Dir(o.work), options: o}
	if err := l.setUp(ctx); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

func (l *lab) setUp(ctx context.Context) (err error) {
	if err := l.empty(); err != nil {
		return err
	}
	if err := l.mount(ctx); err != nil {
		return err
	}
	if err := l.Make("tmp", "home", "bin"); err != nil {
		return err
	}
	if l.gocache, err = l.program(ctx, "gocache", l.gocache, "./cmd/gocache"); err != nil {
		return err
	}
	binary, err := l.program(ctx, "versitygw", l.versitygw, kit.Versitygw...)
	if err != nil {
		return err
	}
	l.server, err = kit.StartServer(ctx, kit.ServerOptions{
		Binary: binary, Dir: l.Path("server", "data"), Log: l.Path("server", "access.log"), Env: os.Environ(),
	})
	if err != nil {
		return err
	}
	return l.server.NewBucket(bucket)
}

// imageSize has room for two caches with a million entries each: four million files of a few
// hundred bytes.
const imageSize = 10 << 30

// mount mounts a file system for the work, if the user is root and wants it, since other file
// systems may lack the inodes. It has small blocks.
func (l *lab) mount(ctx context.Context) error {
	if os.Geteuid() != 0 || !l.ownDisk {
		return nil
	}
	l.image = &kit.Image{File: l.work + ".img", Dir: l.work}
	f, err := os.Create(l.image.File)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Truncate(imageSize), f.Close()); err != nil {
		return err
	}
	return l.image.Mount(ctx, []string{"-b", "1024", "-I", "256", "-N", "6000000", "-O", "^has_journal", "-E", "lazy_itable_init=1"}, "loop,noatime")
}

// program returns the path of a program, and builds it unless file names an existing one.
func (l *lab) program(ctx context.Context, name, file string, build ...string) (string, error) {
	if file != "" {
		return file, nil
	}
	logf("building %s", name)
	return l.Path("bin", name), kit.Build(ctx, l.Path("bin", name), build...)
}

// empty removes the content of the working directory, which itself may be a mount point.
func (l *lab) empty() error {
	list, err := os.ReadDir(l.work)
	if err != nil {
		return os.MkdirAll(l.work, 0o755)
	}
	for _, d := range list {
		if d.Name() != "lost+found" {
			err = errors.Join(err, osfile.RemoveAll(l.Path(d.Name())))
		}
	}
	return err
}

func (l *lab) close() error {
	if l.server != nil {
		l.server.Close()
	}
	if l.image != nil {
		return l.image.Remove()
	}
	return l.empty()
}

// job is one machine: its caches, with the project and the store that it works with.
type job struct {
	lab     *lab
	dir     string // of the caches and of the state file
	project string
	prefix  string // in the bucket
}

func (j job) modDir() string   { return filepath.Join(j.dir, "mod") }
func (j job) buildDir() string { return filepath.Join(j.dir, "build") }

// env returns the environment of a job that has no network except the store. With -trimpath, it
// does not matter that the caches of each machine are in different places.
func (j job) env() []string {
	return slices.Concat(kit.Environ("GO", "AWS_", "TMPDIR=", "HOME="), kit.Credentials(), []string{
		"GOMODCACHE=" + j.modDir(), "GOCACHE=" + j.buildDir(), "GOPROXY=off", "GOSUMDB=off", "GOENV=off", "GOTOOLCHAIN=local", "GOWORK=off",
		"GOFLAGS=-trimpath", "HOME=" + j.lab.Path("home"), "TMPDIR=" + j.lab.Path("tmp"),
	})
}

func (j job) args(verb ...string) []string {
	args := slices.Concat([]string{j.lab.gocache}, verb, []string{"--store", j.lab.server.URL(bucket, j.prefix), "--timeout", "0", "--quiet", "--json"})
	if verb[0] == "gc" {
		return args
	}
	return append(args, "--name", "scale", "--repo", "scale", "--scope", "main", "--default-scope", "main",
		"--dir", j.project, "--state", filepath.Join(j.dir, "state.json"))
}

// output holds the parts of interest of what the commands print; each command prints some of them.
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

// run runs a command. A warning is an error, since nothing should go wrong here.
func (j job) run(ctx context.Context, verb ...string) (kit.Cost, output, error) {
	if err := os.MkdirAll(j.dir, 0o755); err != nil {
		return kit.Cost{}, output{}, err
	}
	took, err := kit.Command{Argv: j.args(verb...), Dir: j.project, Env: j.env(), Temp: j.lab.Path("tmp")}.Measure(ctx)
	var out output
	if err == nil {
		err = took.Failure(strings.Join(verb, " "))
	}
	if err == nil {
		err = json.Unmarshal(took.Output, &out)
	}
	if err == nil && (out.Error != "" || len(out.Losses)+len(out.Warnings) > 0) {
		err = fmt.Errorf("%s: %s", strings.Join(verb, " "), took.Output[:min(len(took.Output), 3000)])
	}
	return took.Cost, out, err
}

// machine describes with what a run was made.
type machine struct {
	kit.Machine
	Kernel  string `json:"kernel"`
	Gocache string `json:"gocache"`
}

func describeMachine(ctx context.Context, gocache string) machine {
	return machine{kit.DescribeMachine(ctx), kit.FirstLine(ctx, "uname", "-sr"), kit.FirstLine(ctx, gocache, "version")}
}
