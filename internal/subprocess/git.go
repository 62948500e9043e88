package subprocess

import (
	"context"
	"os/exec"
)

// GitOfAnyone is a git command that reads a repository in dir, also if it belongs to another user,
// as a checkout in a container often does. What such a repository says in its configuration must
// not run programs: no fsmonitor, no hooks of an index that is written, and nothing is fetched
// that a partial clone lacks, which a transport of the repository's own choice would do.
func GitOfAnyone(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := Command(ctx, "git", append([]string{"-c", "safe.directory=*", "-c", "core.fsmonitor=false"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), "GIT_ALLOW_PROTOCOL=", "GIT_NO_LAZY_FETCH=1", "GIT_OPTIONAL_LOCKS=0")
	return cmd
}
