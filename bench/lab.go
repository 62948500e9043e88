package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The user that runs the measured commands and the builds: "nobody". CI jobs run as an
// ordinary user too, for whom read-only module trees are really read-only.
const benchUser = 65534

// Credentials of the S3 server, which exists only during the run.
const accessKey, secretKey = "bench", "bench-secret"

// lab is what all measurements share: a file system, programs, and an environment.
type lab struct {
	disk *disk
	env  []string
}

func newLab(ctx context.Context, o options) (*lab, error) {
	d, err := mountDisk(ctx, o.image, o.sizeGiB, o.keep)
	if err != nil {
		return nil, err
	}
	l := &lab{disk: d}
	if err := l.setUp(ctx, o.gocache); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

func (l *lab) close() error { return l.disk.close() }

// path returns a place on the file system of the lab.
func (l *lab) path(elem ...string) string {
	return filepath.Join(append([]string{l.disk.dir}, elem...)...)
}

func (l *lab) setUp(ctx context.Context, gocache string) error {
	for _, dir := range []string{"home", "tmp"} {
		if err := l.emptyDir(dir); err != nil {
			return err
		}
	}
	// The user owns the top directory, where the caches are renamed to and fro.
	if err := os.Chown(l.disk.dir, benchUser, benchUser); err != nil {
		return err
	}
	if err := l.setEnv(ctx); err != nil {
		return err
	}
	return l.buildPrograms(ctx, gocache)
}

// emptyDir makes an empty directory of the user's at a place in the lab.
func (l *lab) emptyDir(elem ...string) error {
	dir := l.path(elem...)
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.Chown(dir, benchUser, benchUser)
}

// setEnv makes the environment of all measured commands: the caller's, without what would
// configure the tools, and with the settings of the go command that lie in the caller's files.
func (l *lab) setEnv(ctx context.Context) error {
	own := []string{"AWS_", "RCLONE_", "GOCACHE_ACTION_", "XDG_", "TMPDIR=", "HOME=", "CI=", "GITHUB_", "GITLAB_"}
	l.env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return slices.ContainsFunc(own, func(prefix string) bool { return strings.HasPrefix(v, prefix) })
	})
	for _, name := range []string{"GOPROXY", "GOSUMDB", "GONOSUMDB", "GOFLAGS", "GOTOOLCHAIN"} {
		out, err := exec.CommandContext(ctx, "go", "env", name).Output()
		if err != nil {
			return fmt.Errorf("go env %s: %w", name, err)
		}
		l.env = append(l.env, name+"="+strings.TrimSpace(string(out)))
	}
	l.env = append(l.env,
		"GOENV=off", "HOME="+l.path("home"), "TMPDIR="+l.path("tmp"),
		"GOMODCACHE="+l.path("caches", "mod"), "GOCACHE="+l.path("caches", "build"),
		"AWS_ACCESS_KEY_ID="+accessKey, "AWS_SECRET_ACCESS_KEY="+secretKey, "AWS_EC2_METADATA_DISABLED=true")
	return nil
}

// buildPrograms puts the programs where the user may run them.
func (l *lab) buildPrograms(ctx context.Context, gocache string) error {
	if err := os.MkdirAll(l.path("bin"), 0o755); err != nil {
		return err
	}
	builds := [][]string{
		{"-o", l.path("bin", "shape"), "./bench/shape"},
		{"-o", l.path("bin", "floor"), "./bench/floor"},
		{"-modfile=tools/go.mod", "-o", l.path("bin", "versitygw"), "github.com/versity/versitygw/cmd/versitygw"},
	}
	if gocache == "" {
		builds = append(builds, []string{"-o", l.path("bin", "gocache"), "./cmd/gocache"})
	} else if err := command(ctx, "cp", gocache, l.path("bin", "gocache")); err != nil {
		return err
	}
	for _, args := range builds {
		logf("building %s", args[len(args)-1])
		if err := command(ctx, "go", append([]string{"build"}, args...)...); err != nil {
			return err
		}
	}
	return nil
}

// asUser returns the command line that runs another one as the user. The process gets
// a SIGTERM when its parent dies, so that nothing survives an aborted run.
func asUser(argv ...string) []string {
	id := strconv.Itoa(benchUser)
	return append([]string{"setpriv", "--pdeathsig", "TERM", "--reuid", id, "--regid", id, "--clear-groups", "--"}, argv...)
}

// command runs a command that is not measured, as root. Its output is shown only on an error.
func command(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// userCommand runs a command that is not measured, as the user in dir, with further
// variables. It returns standard output and standard error together.
func (l *lab) userCommand(ctx context.Context, dir string, env []string, argv ...string) (string, error) {
	argv = asUser(argv...)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, slices.Concat(l.env, env)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, tail(out, 4000))
	}
	return string(out), nil
}

func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

func logf(format string, args ...any) { fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...) }
