package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/org/gocache-action/internal/ci"
	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/doctor"
	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/subprocess"
	"github.com/org/gocache-action/internal/usage"
)

const doctorLong = `Doctor looks for what is wrong with Go on this machine and in this project: the
go command and its settings, module proxies, the checksum database, credentials for
private repositories, both caches and the disks under them, go.mod and go.sum, the
store of gocache, and the jobs that use it. It says what it saw, and the command
that mends it.

It only reads. With --write-probe it also writes an object to the store, and
removes it again. A check that hangs is given up after some seconds. The exit code
is 1 if a check fails; warnings are for what works, but not as well as it could.

` + doctorModuleLong

// doctorCommand describes the command line.
func doctorCommand(c commands) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "doctor [MODULE[@QUERY]]",
		Short:   "Find what is wrong with Go, caches, proxies and stores here",
		Long:    doctorLong,
		Example: "  gocache doctor\n  gocache doctor --check proxy,private,vcs\n  gocache doctor golang.org/x/mod@latest",
		Args:    need(0, 1, "one module or none"),
	}
	cmd = c.add(cmd, config.Doctor, func(ctx context.Context, r *run, args []string) error {
		if len(args) > 0 {
			return doctorModule(ctx, r, args)
		}
		return doctorJob(ctx, r)
	})
	_ = cmd.RegisterFlagCompletionFunc("check", cobra.FixedCompletions(doctor.Names(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// doctorOutput is what doctor prints with --json.
type doctorOutput struct {
	Status   finding.Status   `json:"status"` // the worst
	Findings finding.Findings `json:"findings"`
	Seconds  float64          `json:"seconds"`
}

// doctorJob runs the checks, and fails if one of them does.
func doctorJob(ctx context.Context, r *run) error {
	ctx, cancel := r.end.bound(ctx)
	defer cancel()
	checks, err := doctor.Select(r.cfg.Checks)
	if err != nil {
		return err
	}
	dir, err := projectDir(r.cfg.Dir)
	if err != nil {
		return err
	}
	start := time.Now()
	facts := doctor.Gather(ctx, doctorOptions(r, dir))
	found := doctor.Run(ctx, facts, checks)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for i := range found { // of errors that have what this environment keeps secret
		found[i].Evidence, found[i].Remedy = r.out.clean(found[i].Evidence), found[i].Remedy.Map(r.out.clean)
	}
	out := doctorOutput{Status: found.Worst(), Findings: found, Seconds: time.Since(start).Seconds()}
	if err := r.out.result(out, out.write); err != nil {
		return err
	}
	warnFindings(r.out, out.Findings)
	return unlessFailed(out.Status)
}

// doctorOptions lets doctor use what this command has.
func doctorOptions(r *run, dir string) doctor.Options {
	return doctor.Options{
		Dir: dir, Getenv: r.env, Go: goOutput, Git: gitCommand,
		Login:      r.login(),
		Store:      func(ctx context.Context) (store.Store, error) { return storeIfAny(ctx, r) },
		WriteProbe: r.cfg.WriteProbe, Hint: hintFor, Now: time.Now,
	}
}

// storeIfAny opens the store that is named, or the one that a job or this user has; nil if there is
// none. Steps of a job cannot reach the cache of the repository, and nothing is wrong with that.
func storeIfAny(ctx context.Context, r *run) (store.Store, error) {
	if r.cfg.Store != "" {
		st, err := openStore(ctx, r)
		if usage.Is(err) {
			return nil, fmt.Errorf("--store: %w", err)
		}
		return st, err
	}
	if service, err := ci.FindCacheService(r.env); err == nil {
		return openService(r, service)
	}
	if path := defaultStore(); path != "" {
		return openDir(r, path)
	}
	return nil, nil
}

// gitCommand runs git in dir, and returns what it prints.
func gitCommand(ctx context.Context, dir string, args ...string) (string, error) {
	out, err := subprocess.Output(subprocess.GitOfAnyone(ctx, dir, args...))
	return string(out), err
}

// write prints the findings, and how many of them are bad.
func (o doctorOutput) write(w io.Writer) error {
	if err := o.Findings.Write(w); err != nil {
		return err
	}
	n := map[finding.Status]int{}
	for _, one := range o.Findings {
		n[one.Status]++
	}
	var parts []string
	for _, s := range []finding.Status{finding.Fail, finding.Warn, finding.OK} {
		if n[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[s], s))
		}
	}
	fmt.Fprintln(w)
	return report.WriteResult(w, o.Status.Tone(), fmt.Sprintf("%s, in %s", strings.Join(parts, ", "), seconds(o.Seconds)))
}
