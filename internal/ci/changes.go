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
// not track: absolute paths, also of what is not there any more.
func ChangedSince(ctx context.Context, dir, commit string) ([]string, error) {
	top := gitOutput(ctx, dir, "rev-parse", "--show-toplevel")
	if top == "" {
		return nil, fmt.Errorf("%s: no git repository", dir)
	}
	if gitOutput(ctx, dir, "rev-parse", "--verify", "--quiet", commit+"^{commit}") == "" {
		return nil, fmt.Errorf("%w %.12s", ErrNoHistory, commit)
	}
	var files []string
	for _, args := range [][]string{
		{"diff", "--no-ext-diff", "--no-renames", "--name-only", "-z", commit, "--"},
		{"ls-files", "--others", "--exclude-standard", "-z"},
	} {
		cmd := subprocess.Command(ctx, "git", append([]string{"-c", "safe.directory=*"}, args...)...)
		cmd.Dir = top
		out, err := subprocess.Output(cmd)
		if err != nil {
			return nil, fmt.Errorf("git %s: %w", args[0], err)
		}
		for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
			if name != "" {
				files = append(files, filepath.Join(top, filepath.FromSlash(name)))
			}
		}
	}
	return files, nil
}
