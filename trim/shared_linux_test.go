package trim

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/osfile/osfiletest"
)

// nobody is a user without privileges.
const nobody = 65534

// openToAll lets all users write below dir, and pass the directories above it.
func openToAll(t *testing.T, dir string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			err = os.Chmod(p, 0o777)
		}
		return err
	}))
	for p := filepath.Dir(dir); len(p) > len(os.TempDir()); p = filepath.Dir(p) {
		must(t, os.Chmod(p, 0o755))
	}
}

// TestBesideOtherUser: a build runs as a user who may not mark the entries that it uses, since
// another one owns them. They stay, and so they do where nothing tells that it runs.
func TestBesideOtherUser(t *testing.T) {
	osfiletest.NeedCompiler(t)
	if os.Getuid() != 0 {
		t.Skip("only root may run programs as another user")
	}
	for _, seen := range []bool{true, false} {
		w := newWorld(t)
		w.age(5 * time.Hour)
		openToAll(t, filepath.Dir(w.mod))
		begin := time.Now().Add(-time.Second)
		finish := heldBuild(t, w, func(cmd *exec.Cmd) {
			openToAll(t, filepath.Dir(strings.TrimPrefix(cmd.Args[2], "-toolexec=")))
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
			cmd.Env = append(cmd.Env, "HOME="+filepath.Dir(w.mod), "GOTMPDIR="+filepath.Dir(w.mod), "GOFLAGS=-buildvcs=false")
		})
		o := w.options()
		o.MaxBuild, o.Spare = 1, true
		if seen {
			o.Running = func() ([]GoCommand, error) {
				list, err := goCommands()
				return slices.DeleteFunc(list, func(g GoCommand) bool { return g.Started.Before(begin) }), err
			}
		}
		res, err := Run(t.Context(), o)
		if failed := finish(); failed != nil || err != nil {
			t.Errorf("seen %v: the build: %v; trim: %v, %+v", seen, failed, err, res)
		}
	}
}

// TestSharing: when a build cache counts as shared, and what that means for its entries.
func TestSharing(t *testing.T) {
	needReads(t)
	me := os.Getuid()
	for _, tt := range []struct {
		name    string
		mode    os.FileMode
		user    int // of a go command that is seen
		foreign bool
		shared  bool
	}{
		{"one user", 0o755, me, false, false},
		{"root", 0o755, 0, false, false},
		{"another user", 0o755, me + 1, false, true},
		{"a group", 0o775, me, false, true},
		{"entries of two", 0o755, me, true, true},
	} {
		if tt.foreign && me != 0 {
			continue
		}
		dir, now := t.TempDir(), time.Now()
		used := oldEntry(t, dir, 1, now.Add(-20*time.Hour))
		unused := oldEntry(t, dir, 2, now.Add(-40*time.Hour))
		must(t, os.Chmod(filepath.Dir(used), tt.mode))
		if tt.foreign {
			must(t, os.Chown(unused, nobody, nobody))
		}
		o := Options{BuildDir: dir, MaxBuild: 1, Spare: true, Running: func() ([]GoCommand, error) {
			return []GoCommand{{Name: "process 1", Started: now, User: tt.user}}, nil
		}}
		_, err := Plan(t.Context(), o) // a scan is no use
		must(t, err)
		_, err = Run(t.Context(), o)
		must(t, err)
		_, err = os.Stat(used)
		if _, gone := os.Stat(unused); (err == nil) != tt.shared || gone == nil {
			t.Errorf("%s: used: %v, unused: %v", tt.name, err, gone)
		}
	}
}

// TestUnmarked: where a shared build cache has no marks at all, it stays while go commands run.
func TestUnmarked(t *testing.T) {
	for _, unseen := range []string{"this is a container", ""} {
		dir := t.TempDir()
		entry := oldEntry(t, dir, 1, time.Now().Add(-20*day))
		tr := &trimming{Options: Options{BuildDir: dir, MaxBuild: 1, Spare: true, Unseen: unseen}, now: time.Now()}
		tr.build = buildcache.Open(dir)
		must(t, tr.scanBuild(t.Context()))
		tr.sharing = sharing{among: "several users may write to it", hidden: true}
		looks := 0
		tr.watch.list = func() ([]GoCommand, error) {
			looks++
			return []GoCommand{{Name: "process 1"}}, nil
		}
		tr.spareUnmarked()
		tr.decide()
		must(t, tr.execute(t.Context()))
		if _, err := os.Stat(entry); err != nil || len(tr.res.Warnings) != 1 || (looks > 0) != (unseen == "") {
			t.Errorf("unseen %q: %v, looked %d times, %q", unseen, err, looks, tr.res.Warnings)
		}
	}
}
