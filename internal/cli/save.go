package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/org/gocache-action/internal/ci"
	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/usage"
	"github.com/org/gocache-action/save"
)

const saveLong = `Save uploads what the store does not have yet of GOMODCACHE and GOCACHE, and
makes it the snapshot of this key and scope. It drops what has not been used for
--max-age, then what was used least recently above --max-size, but never what this
job has used. If nothing is new, it writes nothing.

From a restore of the same project it knows what has been used since; it also works
without one. After a job that failed (--job-status) it only adds.`

// saveCommand describes the command line.
func saveCommand(c commands) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "save",
		Short:   "Upload what is new in the caches",
		Long:    saveLong,
		Example: "  gocache save --store 's3://bucket/prefix?region=eu-central-1'\n  gocache save --store ./store --max-age 30d --max-size 2GiB",
		Args:    noArgs,
	}
	return c.add(cmd, config.Save, func(ctx context.Context, r *run, _ []string) error {
		out, err := saveJob(ctx, r)
		if out != nil {
			writeSummary(r, nil, out)
			tellSave(ctx, r, out)
		}
		return err
	})
}

// saveOutput is what save prints with --json.
type saveOutput struct {
	ci.Identity
	Store string `json:"store"`
	*save.Result
	outcome
	cause error // whose text is in outcome
}

// saveJob saves, and prints the result. As with restore, failures are warnings: a job whose tests
// pass does not fail because its caches were not saved. The result is nil after wrong usage.
func saveJob(ctx context.Context, r *run) (*saveOutput, error) {
	ctx, cancel := r.end.bound(ctx)
	defer cancel()
	out, err := runSave(ctx, r)
	if usage.Is(err) {
		return nil, err
	}
	out.cause = err
	if out.Result != nil {
		r.out.warnings(out.Warnings)
	}
	if printErr := r.print(out, err); printErr != nil {
		return nil, printErr
	}
	return out, r.end.finish(ctx, err)
}

// runSave returns as much of the result as it got to, also beside an error.
func runSave(ctx context.Context, r *run) (*saveOutput, error) {
	out := new(saveOutput)
	st, err := openStore(ctx, r)
	if err != nil {
		return out, err
	}
	out.Store = st.String()
	p, err := findProject(ctx, r)
	if err != nil {
		return out, err
	}
	out.Identity = p.id
	if reason := r.readOnlyReason(p.id); reason != "" {
		r.out.say("read-only: %s", reason)
	}
	o := saveOptions(r, p, st, new(report.Meter))
	show := r.progress(o.Meter, uploadWords)
	out.Result, err = save.Run(ctx, o)
	show.Stop()
	if out.Result != nil && out.Why != "" {
		r.out.say("read-only: %s", out.Why)
	}
	if out.Result != nil && out.Withheld != (save.LeftOut{}) {
		r.out.say("%s and %s are not saved, as they are private and anybody can read the cache of a public repository (save-private saves them)",
			quantity.Counted(out.Withheld.Modules, "module"), quantity.Counted(out.Withheld.Build, "build entry"))
	}
	r.out.warnings(p.key.Notes)
	tellNoModule(r.out, p)
	return out, err
}

// saveOptions turns a configuration into options of package save, as restoreOptions does for
// restore.
func saveOptions(r *run, p *project, st store.Store, m *report.Meter) save.Options {
	before := readRestoreState(r, p, st)
	return save.Options{
		Store: st, Repo: p.id.Repo,
		Scope: p.id.Scope, BaseScope: p.id.BaseScope, DefaultScope: p.id.DefaultScope,
		Keys: p.key, ModDir: p.modDir, BuildDir: p.buildDir, Private: p.env.private(), Withhold: withhold(r, p), Own: p.own, SumDB: p.env.GOSUMDB != "off",
		GoVersion: p.env.GOVERSION, GOROOT: p.env.GOROOT, GOMODCACHE: p.env.GOMODCACHE, Getenv: os.LookupEnv, BuiltWith: p.builtWith,
		State: before.state, StableTimes: before.stableTimes, ModuleUse: p.moduleUse,
		MaxAge: r.cfg.MaxAge, MaxSize: r.cfg.MaxSize.All, MaxModules: r.cfg.MaxSize.Modules, MaxBuild: r.cfg.MaxSize.Build,
		RepackBudget: save.DefaultRepackBudget, JobFailed: jobFailed(r),
		LeastNew: r.leastNew(p.id),
		ReadOnly: r.cfg.ReadOnly || r.readOnlyReason(p.id) != "", Describe: summaryFile(r) != "",
		Sign: r.keys.signer, Trust: r.keys.trust(),
		NoToolchains: r.cfg.NoToolchains, Paths: p.paths,
		Fuzz: r.cfg.Fuzz, Concurrency: r.concurrency(), Memory: r.memory.save,
		Writer: snapshot.Writing{Commit: p.id.Commit, Run: p.id.Run, Tool: "gocache " + r.version.Version},
		Meter:  m, Now: time.Now, MoreMemory: r.memory.allowMore,
	}
}

// jobFailed reports whether the job is known not to have succeeded.
func jobFailed(r *run) bool {
	if r.cfg.JobStatus != "" {
		return r.cfg.JobStatus != config.JobSuccess
	}
	return ci.JobFailed(r.env)
}

// write prints the result for people.
func (o saveOutput) write(w io.Writer) error {
	r := o.Result
	if r == nil || o.Error != "" && !r.Written && r.Modules.Uploaded+r.Packs.Uploaded == 0 {
		return nil // the warning says it all
	}
	row := func(name string, c save.Counts) []string {
		return []string{name, quantity.Count(c.Uploaded), quantity.Count(c.Stored), quantity.Count(c.Trimmed), quantity.Count(c.Skipped)}
	}
	if r.ReadOnly {
		return report.WriteResult(w, report.Plain, o.title())
	}
	rows := [][]string{row("modules", r.Modules), row("build entries", r.Build), row("packs", r.Packs)}
	if r.Files != (save.Counts{}) {
		rows = slices.Insert(rows, 2, row(filesTitle, r.Files))
	}
	var also strings.Builder
	writeTrim(&also, r.Trim)
	s := report.Summary{
		Counts: report.Table{Head: []string{"", "uploaded", "already stored", "trimmed", "skipped"}, Rows: rows},
		Facts:  o.facts(),
		Also:   also.String(),
		Result: fmt.Sprintf("%s, in %s", o.title(), seconds(r.Seconds)),
	}
	if o.Error != "" {
		s.Tone = report.Doubtful
	}
	return s.Write(w)
}

// facts are what the summary has below its table.
func (o saveOutput) facts() [][2]string {
	r := o.Result
	facts := [][2]string{
		{"scope", fmt.Sprintf("%s (%s)", o.Scope, o.From.Scope)},
		{"uploaded", quantity.Bytes(r.BytesUploaded)},
		{"read", quantity.Bytes(r.BytesRead)},
	}
	if o.Error == "" || r.StoredBytes > 0 {
		facts = append(facts, [2]string{"snapshot", quantity.Bytes(r.StoredBytes) + " in the store"})
	}
	for _, fact := range leftOutFacts(r.Timed, r.Unused, r.Foreign) {
		facts = append(facts, [2]string{"left out", fact})
	}
	if r.Also != nil {
		facts = append(facts, [2]string{"also as", strings.Join(r.Also, "/") + ", as the job changed its module files after the restore"})
	}
	if fact := reuseFact(r.Reuse); fact != "" {
		facts = append(facts, [2]string{"reused", fact})
	}
	return facts
}

// reuseFact says how much of what the job needed was there, or "" if it built nothing.
func reuseFact(u *save.Reuse) string {
	if u == nil || u.Reused+u.Made == 0 {
		return ""
	}
	fact := fmt.Sprintf("%s of %s build entries", quantity.Count(u.Reused), quantity.Count(u.Reused+u.Made))
	if u.Reused > 0 {
		fact += "; making them took about " + seconds(u.Seconds)
	}
	return fact
}

// leftOutFacts says what of the caches is not saved, and why.
func leftOutFacts(timed int, unused save.LeftOut, foreign save.Foreign) (facts []string) {
	var parts []string
	if unused.Modules > 0 {
		parts = append(parts, quantity.Counted(unused.Modules, "module"))
	}
	if unused.Build > 0 {
		parts = append(parts, quantity.Counted(unused.Build, "build entry"))
	}
	if len(parts) > 0 {
		facts = append(facts, strings.Join(parts, " and ")+" that this job did not use")
	}
	if foreign.Build > 0 {
		fact := quantity.Counted(foreign.Build, "build entry") + " of other projects"
		if len(foreign.Modules) > 0 {
			fact += ", such as of " + foreign.Modules[0]
		}
		facts = append(facts, fact)
	}
	if timed > 0 {
		facts = append(facts, quantity.Counted(timed, "build entry")+" resting on times of files: package indexes, test results")
	}
	return facts
}

// title sums up in a line a save that has a result.
func (o saveOutput) title() string {
	switch {
	case o.Error != "" && o.Written:
		return fmt.Sprintf("%s: saved in %s, but not under every key", o.Key, o.Scope)
	case o.Error != "":
		return o.Key + ": not saved"
	case o.ReadOnly:
		return o.Key + ": read-only, nothing is saved"
	case o.Partial:
		return o.Key + ": not saved, as the job failed before it had everything that other jobs start from"
	case o.TooFew > 0:
		return fmt.Sprintf("%s: not saved, as only %s are new, and a pull request saves from %s on", o.Key, quantity.Bytes(o.TooFew), quantity.Bytes(save.SmallSave))
	case !o.Written:
		return o.Key + ": nothing new to save"
	}
	return fmt.Sprintf("%s: saved in %s", o.Key, o.Scope)
}

// shownDropped is how many names the text shows; --json lists retention.MaxListed of them.
const shownDropped = 5

// writeTrim says what was dropped and why, or why nothing could be. It writes nothing if nothing
// had to be dropped.
func writeTrim(b *strings.Builder, t save.Trim) {
	if t.Off != "" {
		fmt.Fprintf(b, "\nnothing is trimmed: %s\n", t.Off)
		return
	}
	if t.Age.Count+t.Size.Count+t.Programs.Count == 0 {
		return
	}
	fmt.Fprintf(b, "\ntrimmed: %s not used for too long (%s), %s above the size limit (%s)",
		quantity.Count(t.Age.Count), quantity.Bytes(t.Age.Bytes), quantity.Count(t.Size.Count), quantity.Bytes(t.Size.Bytes))
	if t.Programs.Count > 0 {
		fmt.Fprintf(b, ", %s of go run and go tool with successors (%s)", quantity.Counted(t.Programs.Count, "program"), quantity.Bytes(t.Programs.Bytes))
	}
	b.WriteString("; the largest:\n")
	rows := [][]string{}
	for _, d := range t.Largest[:min(len(t.Largest), shownDropped)] {
		rows = append(rows, []string{"  " + d.Kind + " " + d.Name, quantity.Bytes(d.Bytes), "used " + quantity.Ago(d.LastUse, time.Now()), d.Reason})
	}
	report.Table{Rows: rows}.Write(b)
}
