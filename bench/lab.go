package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/org/gocache-action/bench/internal/kit"
)

// benchUser is the user that runs the measured commands and the builds: "nobody". CI jobs run as an
// ordinary user too, for whom read-only module trees are really read-only.
const benchUser = 65534

// lab is what all measurements share: a file system, programs, and an environment.
type lab struct {
	kit.Dir
	disk *disk
	env  []string
}

// newLab makes the lab of a project, in its own directory.
func newLab(ctx context.Context, d *disk, name, gocache string) (*lab, error) {
	l := &lab{Dir: kit.Dir(filepath.Join(d.dir, name)), disk: d}
	return l, l.setUp(ctx, gocache)
}

func (l *lab) setUp(ctx context.Context, gocache string) error {
	if err := os.MkdirAll(l.Path(), 0o755); err != nil {
		return err
	}
	for _, dir := range []string{"home", "tmp"} {
		if err := l.emptyDir(dir); err != nil {
			return err
		}
	}
	// The user owns the top directory, where the caches are renamed back and forth.
	if err := os.Chown(l.Path(), benchUser, benchUser); err != nil {
		return err
	}
	if err := l.setEnv(ctx); err != nil {
		return err
	}
	return l.buildPrograms(ctx, gocache)
}

// emptyDir makes an empty directory in the lab that belongs to the user.
func (l *lab) emptyDir(elem ...string) error {
	dir := l.Path(elem...)
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.Chown(dir, benchUser, benchUser)
}

// setEnv makes the environment of all measured commands: that of the caller, without what would
// configure the tools, and with the settings of the go command from the caller's files.
func (l *lab) setEnv(ctx context.Context) error {
	settings, err := kit.GoSettings(ctx, "GOPROXY", "GOSUMDB", "GONOSUMDB", "GOFLAGS", "GOTOOLCHAIN")
	if err != nil {
		return err
	}
	own := kit.Environ("AWS_", "RCLONE_", "GOCACHE_ACTION_", "XDG_", "TMPDIR=", "HOME=", "CI=", "GITHUB_", "GITLAB_")
	l.env = slices.Concat(own, settings, kit.Credentials(), []string{
		"GOENV=off", "HOME=" + l.Path("home"), "TMPDIR=" + l.Path("tmp"),
		"GOMODCACHE=" + l.Path("caches", "mod"), "GOCACHE=" + l.Path("caches", "build"),
	})
	return nil
}

// buildPrograms puts the programs where the user can run them.
func (l *lab) buildPrograms(ctx context.Context, gocache string) error {
	if err := l.Make("bin"); err != nil {
		return err
	}
	builds := map[string][]string{"shape": {"./bench/shape"}, "floor": {"./bench/floor"}, "versitygw": kit.Versitygw}
	if gocache == "" {
		builds["gocache"] = []string{"./cmd/gocache"}
	} else if err := kit.Do(ctx, "cp", gocache, l.Path("bin", "gocache")); err != nil {
		return err
	}
	for name, args := range builds {
		logf("building %s", name)
		if err := kit.Build(ctx, l.Path("bin", name), args...); err != nil {
			return err
		}
	}
	return nil
}

// asUser returns a command line that runs another one as the user. The process gets a SIGTERM when
// its parent dies, so that nothing survives an aborted run.
func asUser(argv ...string) []string {
	id := strconv.Itoa(benchUser)
	return append([]string{"setpriv", "--pdeathsig", "TERM", "--reuid", id, "--regid", id, "--clear-groups", "--"}, argv...)
}

// userCommand runs a command as the user in dir, with additional variables, without measuring it.
// It returns standard output and standard error together.
func (l *lab) userCommand(ctx context.Context, dir string, env []string, argv ...string) (string, error) {
	argv = asUser(argv...)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, slices.Concat(l.env, env)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, out[max(0, len(out)-4000):])
	}
	return string(out), nil
}

func logf(format string, args ...any) { fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...) }
