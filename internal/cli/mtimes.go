package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/mtimes"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/subprocess"
)

const mtimesLong = `Mtimes gives the files of the project that git tracks modification times that depend
on their content only, so that the go command recognises the test results of an
earlier checkout. 'gocache restore --stable-mtimes' does the same.

Two contents never share a time in practice, so no changed file is taken for an
unchanged one. But times no longer tell which file is newer: do not use this where
make or the like keeps its outputs from one job to the next.`

// mtimesCommand is for checkouts that are made after the restore, and for files that a job rewrites
// with the same content.
func mtimesCommand(c commands) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "mtimes",
		Short:   "Give tracked files times that survive a checkout",
		Long:    mtimesLong,
		Example: "  gocache mtimes",
		Args:    noArgs,
	}
	return c.add(cmd, config.Mtimes, func(ctx context.Context, r *run, _ []string) error { return runMtimes(ctx, r) })
}

// mtimesOutput is what mtimes prints with --json, and part of what restore prints.
type mtimesOutput struct {
	mtimes.Result
	Seconds float64 `json:"seconds"`
}

// runMtimes runs the command.
func runMtimes(ctx context.Context, r *run) error {
	dir, err := projectDir(r.cfg.Dir)
	if err != nil {
		return err
	}
	out, err := stableMtimes(ctx, dir)
	if err != nil && out == nil {
		return r.end.finish(ctx, err)
	}
	if printErr := r.out.result(out, out.write); printErr != nil {
		return printErr
	}
	r.out.warnings(out.warnings())
	if err == nil && out.LeftAlone == 0 {
		err = noteStableTimes(ctx, r)
	}
	return r.end.finish(ctx, err)
}

// noteStableTimes tells the save of this job, through the notes of its restore, that it may save
// test results which depend on files. It does nothing if no restore of this project has left notes,
// or if there is no go command to identify the project.
func noteStableTimes(ctx context.Context, r *run) error {
	p, err := findProject(ctx, r)
	if err != nil {
		return nil
	}
	file, err := stateFile(r, p)
	if err != nil {
		return nil
	}
	state, err := jobstate.Read(file)
	if err != nil || state == nil {
		return err
	}
	state.StableTimes = true
	return jobstate.Write(file, *state)
}

// errNoGit says that there is no list of files to work on.
var errNoGit = errors.New("cannot list the files that git tracks")

// stableMtimes sets the times of the tracked files below dir. The result is nil if there is no list
// of files; beside an error it says how far it got.
func stableMtimes(ctx context.Context, dir string) (*mtimesOutput, error) {
	start := time.Now()
	files, repos, err := trackedFiles(ctx, dir, "")
	if err != nil {
		return nil, err
	}
	res, err := mtimes.Set(ctx, dir, files)
	if res.Changed > 0 {
		err = errors.Join(err, refreshIndexes(ctx, repos))
	}
	return &mtimesOutput{res, time.Since(start).Seconds()}, err
}

// trackedFiles lists the files that git tracks below dir, including those of submodules that are
// checked out, each with prefix in front. It also lists the directories of the repositories.
func trackedFiles(ctx context.Context, dir, prefix string) (files, repos []string, err error) {
	out, err := subprocess.Output(subprocess.GitOfAnyone(ctx, dir, "ls-files", "--stage", "-z"))
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return nil, nil, fmt.Errorf("%w in %s: %s", errNoGit, dir, bytes.TrimSpace(exit.Stderr))
	case err != nil:
		return nil, nil, fmt.Errorf("%w: %w", errNoGit, err)
	}
	repos = []string{dir}
	for line := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		attributes, name, ok := strings.Cut(line, "\t") // MODE HASH STAGE
		if !ok {
			continue
		}
		sub := filepath.Join(dir, filepath.FromSlash(name))
		if strings.HasPrefix(attributes, "160000 ") && exists(filepath.Join(sub, ".git")) {
			subFiles, subRepos, err := trackedFiles(ctx, sub, path.Join(prefix, name))
			if err != nil {
				return nil, nil, err
			}
			files, repos = append(files, subFiles...), append(repos, subRepos...)
			continue
		}
		files = append(files, path.Join(prefix, name))
	}
	return files, repos, nil
}

func exists(file string) bool {
	_, err := os.Lstat(file)
	return err == nil
}

// refreshIndexes lets git look at the files once, as git remembers times too. Otherwise every `git
// status`, including the one by which the go command stamps programs, would read all files until
// some command writes the index, and `git diff-index`, which scripts use to find changes, would
// list all of them. Exit code 1 means that there are changes.
//
// Unlike listing, this runs filters that the repository configures. So a repository of another user
// is trusted only where the job trusts it.
func refreshIndexes(ctx context.Context, repos []string) error {
	var all []error
	for _, dir := range repos {
		cmd := subprocess.Command(ctx, "git", "update-index", "-q", "--refresh")
		cmd.Dir = dir
		var exit *exec.ExitError
		if out, err := cmd.CombinedOutput(); err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 1) {
			all = append(all, fmt.Errorf("git update-index in %s: %w %s", dir, err, bytes.TrimSpace(out)))
		}
	}
	return errors.Join(all...)
}

// write prints the result for people.
func (o *mtimesOutput) write(w io.Writer) error {
	_, err := fmt.Fprintf(w, "times from content: %s\n", o.fact())
	return err
}

// fact is the result in a line.
func (o *mtimesOutput) fact() string {
	return fmt.Sprintf("%s and %s (%s) in %s",
		quantity.Counted(o.Files, "file"), quantity.Counted(o.Directories, "directory"), quantity.Bytes(o.Bytes), seconds(o.Seconds))
}

func (o *mtimesOutput) warnings() []string {
	if o == nil || o.LeftAlone == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s tracked files and directories keep the times of the checkout: %s", quantity.Count(o.LeftAlone), o.Reason)}
}
