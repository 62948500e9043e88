package ci

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/org/gocache-action/internal/subprocess"
)

// ErrNoHistory says that a checkout does not have a commit: it is shallow, or of another
// repository.
var ErrNoHistory = errors.New("this checkout does not have the commit")

// ChangedSince lists the files of the repository of dir that differ from a commit, or that git does
// not track: absolute paths below dir or beside it, also of what is not there any more. A
// repository of another user is not asked: looking at a work tree runs programs that its
// configuration names.
func ChangedSince(ctx context.Context, dir, commit string) ([]string, error) {
	up, err := ownGit(ctx, dir, "rev-parse", "--show-cdup")
	if err != nil {
		return nil, err
	}
	// Not --show-toplevel, in which links are resolved that the go command leaves alone.
	top := filepath.Join(dir, filepath.FromSlash(strings.TrimSpace(up)))
	if _, err := ownGit(ctx, top, "rev-parse", "--verify", "--quiet", commit+"^{commit}"); err != nil {
		return nil, fmt.Errorf("%w %.12s", ErrNoHistory, commit)
	}
	var files []string
	for _, args := range [][]string{
		{"diff", "--no-ext-diff", "--no-renames", "--name-only", "-z", commit, "--"},
		{"ls-files", "--others", "--exclude-standard", "-z"},
	} {
		out, err := ownGit(ctx, top, args...)
		if err != nil {
			return nil, err
		}
		for name := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
			if name != "" {
				files = append(files, filepath.Join(top, filepath.FromSlash(name)))
			}
		}
	}
	return files, nil
}

// FileAt returns what a file of a repository contained at a commit. The name is absolute.
func FileAt(ctx context.Context, file, commit string) ([]byte, error) {
	out, err := ownGit(ctx, filepath.Dir(file), "show", commit+":./"+filepath.Base(file))
	return []byte(out), err
}

// ownGit runs a git command, which refuses to work in a repository of another user.
func ownGit(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := subprocess.Command(ctx, "git", append([]string{"-c", "core.fsmonitor=false"}, args...)...)
	cmd.Dir = dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := subprocess.Output(cmd)
	if err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n")
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, first)
	}
	return string(out), nil
}
