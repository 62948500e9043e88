package trim

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/osfile/osfiletest"
	"github.com/org/gocache-action/internal/procs"
	"github.com/org/gocache-action/internal/stdtest"
)

// needMounts skips tests of users who may not mount.
func needMounts(t *testing.T) {
	t.Helper()
	if out, err := exec.Command("unshare", "-m", "true").CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" && os.Geteuid() == 0 {
			t.Fatalf("no mount namespaces: %v: %s", err, out)
		}
		t.Skipf("may not make mount namespaces: %v: %s", err, out)
	}
}

// TestOtherMount: a build runs in a container in which the module cache is mounted so that no read
// is recorded. All modules stay, and it succeeds.
func TestOtherMount(t *testing.T) {
	osfiletest.NeedCompiler(t)
	needMounts(t)
	needReads(t)
	w := newWorld(t)
	w.build += "2" // with nothing of the module that the build needs
	must(t, stdtest.Fill(w.build))
	w.age(4 * day)
	w.run("list", "-m", "github.com/blang/semver") // so that there is a record of a read
	begin := time.Now().Add(-time.Second)
	finish := heldBuild(t, w, func(cmd *exec.Cmd) {
		script := `mount --bind "$0" "$0" && mount -o remount,bind,noatime "$0" && exec "$@"`
		*cmd = exec.Cmd{Path: cmd.Path, Args: cmd.Args, Dir: cmd.Dir, Env: cmd.Env, Stdout: cmd.Stdout, Stderr: cmd.Stderr}
		cmd.Args = append([]string{"unshare", "-m", "sh", "-c", script, w.mod}, cmd.Args...)
		var err error
		cmd.Path, err = exec.LookPath("unshare")
		must(t, err)
	})
	o := w.options()
	o.BuildDir, o.MaxModules, o.Spare = "", 1, true
	o.Running = func() ([]GoCommand, error) {
		list, err := procs.Named(procs.IsGo)
		var out []GoCommand
		for _, p := range list {
			at, err := p.Started()
			if err == nil {
				out = append(out, GoCommand{Name: p.String(), Started: at, HidesReads: p.HidesReads(w.mod)})
			}
		}
		return slices.DeleteFunc(out, func(g GoCommand) bool { return g.Started.Before(begin) }), err
	}
	res, err := Run(t.Context(), o)
	if failed := finish(); failed != nil || err != nil || !w.has(tomb) {
		t.Errorf("the build: %v; trim: %v, %+v", failed, err, res)
	}
	if len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], "mounted in another way") {
		t.Errorf("warnings: %q", res.Warnings)
	}
}

// trimLayers trims a module cache of which two versions lie in a lower layer. The argument is a
// directory that may be used for that.
func trimLayers(dir string) error {
	lower, merged := filepath.Join(dir, "lower"), filepath.Join(dir, "merged")
	for _, name := range []string{"a", "b"} {
		base := filepath.Join(lower, "cache/download/example.com", name, "@v/v1.0.0")
		for file, text := range map[string]string{
			base + ".mod": "module example.com/" + name, base + ".ziphash": "h1:" + strings.Repeat("A", 43) + "=",
			filepath.Join(lower, "example.com", name+"@v1.0.0", "m.go"): "package m",
		} {
			if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
				return err
			}
		}
	}
	options := "redirect_dir=off,lowerdir=" + lower + ",upperdir=" + filepath.Join(dir, "upper") + ",workdir=" + filepath.Join(dir, "work")
	for _, d := range []string{"upper", "work", "merged"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	if out, err := exec.Command("mount", "-t", "overlay", "overlay", "-o", options, merged).CombinedOutput(); err != nil {
		fmt.Printf("no overlay: %v: %s", err, out)
		return nil
	}
	later := func() time.Time { return time.Now().Add(2 * day) }
	res, err := Run(context.Background(), Options{ModDir: merged, MaxModules: 1, Now: later})
	if err == nil && (res.Modules.Skipped.Count != 2 || len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], "what lies in an image, as this does, stays")) {
		err = fmt.Errorf("%+v", res)
	}
	if modcache.Open(merged, modcache.Options{}).RecordsReads() {
		err = errors.Join(err, errors.New("an overlay is said to record reads"))
	}
	return err
}

// TestLayers: what lies in the layer of an image cannot be removed, which is one warning.
func TestLayers(t *testing.T) {
	needMounts(t)
	cmd := osfiletest.Command(t, "layers", t.TempDir())
	in := exec.Command("unshare", append([]string{"-m"}, cmd.Args...)...)
	in.Env = cmd.Env
	out, err := in.CombinedOutput()
	if err != nil {
		t.Errorf("%v %s", err, out)
	}
	if strings.Contains(string(out), "no overlay") {
		t.Skipf("%s", out)
	}
}
