package hostile

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/store/s3"
	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// A machine runs the binary on the project with its own caches and home directory, so that tests
// with a machine each can run in parallel.
type machine struct {
	home, mod, build, proj string
	store                  string   // URL
	env                    []string // in addition to the common variables
}

func newMachine(t *testing.T, storeURL string) *machine {
	t.Helper()
	dir := t.TempDir()
	return &machine{home: e2etest.QuietHome(t, filepath.Join(dir, "home")), mod: filepath.Join(dir, "mod"), build: filepath.Join(dir, "build"), proj: shared.Proj, store: storeURL}
}

func dirURL(dir string) string { return "file://" + filepath.ToSlash(dir) }

// fresh returns a machine with empty caches and the same store.
func (m *machine) fresh(t *testing.T) *machine {
	n := newMachine(t, m.store)
	n.proj, n.env = m.proj, m.env
	return n
}

// cmd returns a command of the binary. It leaves modules out unless the machine has some.
func (m *machine) cmd(command string, more ...string) *exec.Cmd {
	args := []string{command, "--store", m.store}
	switch command {
	case "gc":
	case "ls", "show", "rm":
		args = append(args, "--repo", "r")
	case "version":
		args = args[:1]
	default:
		args = append(args, "--name", "job", "--repo", "r", "--scope", e2etest.MainScope, "--default-scope", e2etest.MainScope, "--dir", m.proj)
	}
	cmd := exec.Command(shared.Binary, append(args, more...)...)
	cmd.Dir = m.proj
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "GOMEMLIMIT=") && !strings.HasPrefix(kv, "RUNNER_TEMP=") && !strings.HasPrefix(kv, "XDG_CACHE_HOME=") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(cmd.Env, "HOME="+m.home, "GOMODCACHE="+m.mod, "GOCACHE="+m.build, "GOPATH="+m.home, "GOFLAGS=-trimpath", "GOTOOLCHAIN=local", "GOWORK=off")
	cmd.Env = append(cmd.Env, m.env...)
	return cmd
}

// ended says how a command ended.
type ended struct {
	code           int // -1: by a signal
	took           time.Duration
	stdout, stderr string
}

func (e ended) String() string {
	return fmt.Sprintf("code %d after %v\n%s%s", e.code, e.took, e.stdout, e.stderr)
}

// running is a command that has been started.
type running struct {
	*exec.Cmd
	out, err bytes.Buffer
	start    time.Time
	done     chan struct{}
}

func start(cmd *exec.Cmd) (*running, error) {
	r := &running{Cmd: cmd, start: time.Now(), done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &r.out, &r.err
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() { cmd.Wait(); close(r.done) }()
	return r, nil
}

// wait kills a command that does not end within a minute, so that the test of a hanging command
// does not hang.
func (r *running) wait() ended {
	select {
	case <-r.done:
	case <-time.After(time.Minute):
		r.Process.Kill()
		<-r.done
	}
	return ended{r.ProcessState.ExitCode(), time.Since(r.start), r.out.String(), r.err.String()}
}

func finish(t *testing.T, cmd *exec.Cmd) ended {
	t.Helper()
	r, err := start(cmd)
	e2etest.Must(t, err)
	return r.wait()
}

// must runs a command that has to succeed.
func (m *machine) must(t *testing.T, command string, more ...string) ended {
	t.Helper()
	if command == "restore" || command == "save" {
		more = append(more, "--fail-on-error")
	}
	e := finish(t, m.cmd(command, more...))
	if e.code != 0 || strings.Contains(e.stderr, "warning") {
		t.Fatalf("%s: %v", command, e)
	}
	return e
}

// fill puts n entries with outputs of size random bytes into a build cache; another seed makes
// other entries.
func fill(t *testing.T, dir string, seed uint64, n, size int) {
	t.Helper()
	c := buildcache.Open(dir)
	e2etest.Must(t, c.Prepare(time.Now()))
	data := storetest.Content(seed, n*size)
	for ; len(data) > 0; data = data[size:] {
		putEntry(t, c, data[:size])
	}
}

func putEntry(t *testing.T, c *buildcache.Cache, data []byte) {
	t.Helper()
	o := buildcache.Output{ID: digest.Of(data), Size: int64(len(data))}
	w, err := c.CreateOutput(o, time.Now())
	e2etest.Must(t, err)
	_, err = w.Write(data)
	e2etest.Must(t, errors.Join(err, w.Close()))
	e := buildcache.Entry{Action: sha256.Sum256(o.ID[:]), Output: o.ID, Size: o.Size, Time: 1}
	e2etest.Must(t, c.PutAction(e, time.Now()))
}

// whole demands that a build cache has no partial entry or output, and returns the number of
// entries. It hashes the content of each output, since the go command links an output of the right
// size without checking it.
func whole(t *testing.T, dir string) int {
	t.Helper()
	inv, err := buildcache.Open(dir).Scan(context.Background(), buildcache.ScanOptions{})
	e2etest.Must(t, err)
	for _, b := range inv.Broken {
		t.Errorf("%s is broken: %s", b.Path, b.Reason)
	}
	for _, o := range inv.Outputs {
		data, err := os.ReadFile(filepath.Join(dir, o.ID.String()[:2], o.ID.String()+"-d"))
		if err != nil || digest.Of(data) != o.ID {
			t.Errorf("output %s has other bytes (%v)", o.ID, err)
		}
	}
	for _, pattern := range []string{"build/.tmp*", "build/*/.tmp*", "mod/cache/gocache-stage-*[0-9]"} {
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), pattern)); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
	return len(inv.Entries)
}

// bucket makes an empty bucket on a server. It returns the bucket's URL for the binary and its
// store for the test.
func bucket(t *testing.T, srv *storetest.Server, name, endpoint string) (url string, st *s3.Store) {
	t.Helper()
	srv.Bucket(t, name)
	st, err := s3.New(context.Background(), s3.Options{
		Bucket: name, Region: "us-east-1", Endpoint: srv.Endpoint, PathStyle: true,
		Kept: &s3.Session{AccessKeyID: srv.AccessKey, SecretAccessKey: srv.SecretKey, Expires: time.Now().Add(time.Hour)},
	})
	e2etest.Must(t, err)
	return fmt.Sprintf("s3://%s?region=us-east-1&path-style=true&endpoint=%s", name, endpoint), st
}

// unfinished counts the uploads that were neither completed nor aborted.
func unfinished(t *testing.T, st *s3.Store) (n int) {
	t.Helper()
	for u, err := range st.Uploads(context.Background(), "v2/", time.Now().Add(time.Hour)) {
		e2etest.Must(t, err)
		t.Logf("unfinished: %s, %d bytes", u.Name, u.Size)
		n++
	}
	return n
}

// network starts a network to a server, which is stopped when the test ends.
func network(t *testing.T, srv *storetest.Server) *storetest.Network {
	t.Helper()
	n, err := storetest.NewNetwork(srv)
	e2etest.Must(t, err)
	t.Cleanup(func() {
		if err := n.Stop(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// toxic makes a network worse, in the direction downstream (to the client) or upstream.
func toxic(t *testing.T, n *storetest.Network, kind, direction, attributes string) {
	t.Helper()
	e2etest.Must(t, n.Add(kind, direction, attributes))
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

// together runs functions, no more than n at a time: they sleep most of the time, and a process
// starts faster when few others run.
func together(n int, functions ...func()) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, n)
	for _, f := range functions {
		slots <- struct{}{}
		wg.Go(func() { defer func() { <-slots }(); f() })
	}
	wg.Wait()
}

func glob(elem ...string) bool {
	list, _ := filepath.Glob(filepath.Join(elem...))
	return len(list) > 0
}
