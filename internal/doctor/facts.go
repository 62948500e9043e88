package doctor

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/mod/modfile"

	"github.com/org/gocache-action/internal/buildenv"
	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/goenv"
	"github.com/org/gocache-action/internal/proxy/upstream"
	"github.com/org/gocache-action/internal/store"
)

// Options are what a command knows and this package is told.
type Options struct {
	Dir    string // of the project, absolute
	Getenv func(name string) string
	// Go runs a go command in dir, with more environment variables, and returns what it prints,
	// also beside an error, which contains the go command's own.
	Go func(ctx context.Context, dir string, env []string, args ...string) ([]byte, error)
	// Git runs git in dir, and returns what it prints.
	Git func(ctx context.Context, dir string, args ...string) (string, error)
	// Login returns what the user's .netrc has for a host; nil: nothing.
	Login func(host string) *url.Userinfo
	// Store opens the store of gocache; nil without an error: none is named, and there is none.
	Store      func(ctx context.Context) (store.Store, error)
	WriteProbe bool               // write an object to the store, and remove it
	Hint       func(error) string // what helps against an error of a store; nil: nothing is known
	Limit      time.Duration      // of each check, instead of its own; 0: its own
	Now        func() time.Time
}

// Facts are what most checks look at, asked once. They do not change while checks run.
type Facts struct {
	Options
	Env     map[string]string // what `go env` says
	EnvErr  error             // why it says nothing
	File    map[string]string // what `go env -w` has written
	Shipped map[string]string // the go.env in GOROOT, with which distributions change defaults
	Mod     *modfile.File     // nil: none, or one that does not parse
	ModErr  error
	Work    *modfile.WorkFile // nil: none in play, or one that does not parse
	// WorkErr says why a go.work that is in play cannot be used.
	WorkErr error
	Root    string // of the repository around the project; "": there is none

	client *http.Client
	volume func(dir string) (volume, error)
	uid    int  // of this user
	mayAll bool // it is root
	opened func() (store.Store, error)
}

// gatherTime is how long the go command may take to say what its settings are.
const gatherTime = 20 * time.Second

// Gather asks for the facts. What cannot be found out is left empty: checks say so. On a file
// system that hangs it gives up, and leaves behind what waits for it.
func Gather(ctx context.Context, o Options) *Facts {
	limit := gatherTime
	if o.Limit > 0 {
		limit = max(o.Limit, time.Second)
	}
	done := make(chan *Facts, 1)
	go func() {
		f := newFacts(ctx, o)
		f.fill(ctx, limit)
		done <- f
	}()
	late := time.NewTimer(limit + extraTime)
	defer late.Stop()
	select {
	case f := <-done:
		return f
	case <-ctx.Done():
	case <-late.C:
	}
	f := newFacts(ctx, o)
	f.EnvErr = fmt.Errorf("asking the go command in %s: %w", o.Dir, context.DeadlineExceeded)
	return f
}

func newFacts(ctx context.Context, o Options) *Facts {
	f := &Facts{Options: o, client: upstream.NewClient(), volume: volumeOf}
	f.uid, f.mayAll = me()
	f.client.Timeout = 10 * time.Second
	f.opened = sync.OnceValues(func() (store.Store, error) { return o.Store(ctx) })
	return f
}

// fill asks for what the go command and files say.
func (f *Facts) fill(ctx context.Context, limit time.Duration) {
	asked, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	f.Env, f.EnvErr = goenv.Read(asked, f.Go, f.Dir)
	f.Root = repositoryRoot(f.Dir)
	f.File = readEnvFile(f.Env["GOENV"])
	if goroot := f.Env["GOROOT"]; goroot != "" {
		f.Shipped = readEnvFile(filepath.Join(goroot, "go.env"))
	}
	f.Mod, f.ModErr = readMod(f.gomod())
	if file := f.gowork(); file != "" {
		f.Work, f.WorkErr = readWork(file)
	}
}

// gomod is the go.mod of the project, or "".
func (f *Facts) gomod() string {
	if file := f.Env["GOMOD"]; file != os.DevNull {
		return file
	}
	return ""
}

// gowork is the go.work in play, or "".
func (f *Facts) gowork() string {
	if file := f.Env["GOWORK"]; file != "off" {
		return file
	}
	return ""
}

// moduleDir is the root of the module, or "".
func (f *Facts) moduleDir() string {
	if f.gomod() == "" {
		return ""
	}
	return filepath.Dir(f.gomod())
}

// origin says where a setting of the go command comes from: a variable of the environment, the
// file of go env -w, that of the distribution, or none of them, so that it is the default.
func (f *Facts) origin(name string) string {
	switch {
	case f.Getenv(name) != "":
		return "environment"
	case f.File[name] != "":
		return "go env -w"
	case f.Shipped[name] != "" && f.Shipped[name] != standard[name]:
		return "go.env of " + f.Env["GOROOT"]
	}
	return "default"
}

// standard are the defaults of Go itself, which some distributions change.
var standard = map[string]string{"GOPROXY": "https://proxy.golang.org,direct", "GOSUMDB": "sum.golang.org", "GOTOOLCHAIN": "auto"}

// unset is how a setting becomes the default again.
func (f *Facts) unset(name string) finding.Remedy {
	switch value, shipped := standard[name], f.Shipped[name]; {
	case f.Getenv(name) != "":
		return finding.Run(finding.Unset(name)).With("and remove it where the shell or the job sets it")
	case shipped != "" && shipped != value && value != "":
		return finding.Run("go env -w " + name + "=" + finding.Quote(value))
	}
	return finding.Run("go env -u " + name)
}

// elsewhere says how a directory is moved. Where to, only people know.
func (f *Facts) elsewhere(name string) finding.Remedy {
	return finding.Advise("name another directory, on a disk of this machine: " + f.set(name, "DIR"))
}

// privateBy is the setting that a list of private modules comes from: GOPRIVATE is the default of
// the others.
func (f *Facts) privateBy(name string) string {
	if f.origin(name) == "default" {
		return "GOPRIVATE"
	}
	return name
}

// set is the command that changes a setting. What the environment has wins, so it is changed there.
func (f *Facts) set(name, value string) string {
	if f.Getenv(name) != "" {
		return finding.Export(name, finding.Quote(value))
	}
	return "go env -w " + name + "=" + finding.Quote(value)
}

// buildDir is GOCACHE, or "" where there is none.
func (f *Facts) buildDir() string {
	if f.Env["GOCACHE"] == "off" || f.Env["GOCACHEPROG"] != "" {
		return ""
	}
	return f.Env["GOCACHE"]
}

// tempDir is where the go command builds.
//
// The environment is asked as well, because with a GOTMPDIR that is not there go env itself fails.
func (f *Facts) tempDir() string { return cmp.Or(goTmpDir(f), os.TempDir()) }

func goTmpDir(f *Facts) string { return cmp.Or(f.Env["GOTMPDIR"], f.Getenv("GOTMPDIR")) }

// A place is a directory that the go command uses, by the name of its setting.
type place struct{ name, dir string }

// places are the directories that the go command writes to.
func (f *Facts) places() (list []place) {
	for _, p := range []place{{"GOMODCACHE", f.Env["GOMODCACHE"]}, {"GOCACHE", f.buildDir()}} {
		if p.dir != "" {
			list = append(list, p)
		}
	}
	return list
}

func readMod(file string) (*modfile.File, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return modfile.Parse(filepath.Base(file), data, nil)
}

func readWork(file string) (*modfile.WorkFile, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return modfile.ParseWork(file, data, nil)
}

// readEnvFile reads the file of go env -w, which may have been edited on Windows.
func readEnvFile(file string) map[string]string {
	data, err := os.ReadFile(file)
	if file == "" || file == "off" || err != nil {
		return map[string]string{}
	}
	return buildenv.EnvFile(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")))
}

// repositoryRoot is the next directory above that has a .git, which is a file in worktrees and
// submodules; "" if there is none.
func repositoryRoot(dir string) string {
	for {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}
