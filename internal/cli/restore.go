package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/org/gocache-action/internal/ci"
	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/redact"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/storeurl"
	"github.com/org/gocache-action/internal/usage"
	"github.com/org/gocache-action/restore"
)

const restoreLong = `Restore fills GOMODCACHE and GOCACHE from the store: with the modules that go.sum
names, each checked against go.sum, and with the newest fitting snapshot of the
build cache. What is already there, and complete, is left alone.

It looks for a snapshot under the exact key of the module files, then under the
latest key of the same name: first in the scope of the job, then in the base, then
in the default branch. Finding none is not an error.`

// restoreCommand describes the command line.
func restoreCommand(c commands) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "restore",
		Short:   "Fill the caches from the store",
		Long:    restoreLong,
		Example: "  gocache restore --store 's3://bucket/prefix?region=eu-central-1'\n  gocache restore --store ./store --lookup-only",
		Args:    noArgs,
	}
	return c.add(cmd, config.Restore, func(ctx context.Context, r *run, _ []string) error {
		out, err := restoreJob(ctx, r)
		if out != nil {
			writeSummary(r, out, nil)
			tellRestore(ctx, r, out)
		}
		return err
	})
}

// restoreOutput is what restore prints with --json.
type restoreOutput struct {
	ci.Identity
	Store      string `json:"store"`
	LookupOnly bool   `json:"lookupOnly,omitempty"`
	*restore.Result
	Mtimes      *mtimesOutput `json:"mtimes,omitempty"`
	CacheResult string        `json:"cacheResult"` // hit, partial, miss, unavailable
	outcome
	cause    error // whose text is in outcome
	partial  bool  // the restore itself ended with an error
	timesErr error // why Mtimes is not whole, on which the restore does not depend
	stateErr error // why there are no notes for save, which works without them
}

// outcome is what all commands print when something went wrong.
type outcome struct {
	Error string `json:"error,omitempty"`
	Hint  string `json:"hint,omitempty"`
}

// outcomeOf puts an error into a result, so that programs need not parse stderr.
func outcomeOf(err error) outcome {
	if err == nil {
		return outcome{}
	}
	return outcome{redact.Text(err.Error()), hintFor(err)}
}

func (o *outcome) setOutcome(err error) { *o = outcomeOf(err) }

// restoreJob restores, and prints the result even if it is only part of what was wanted. The result
// is nil after wrong usage.
func restoreJob(ctx context.Context, r *run) (*restoreOutput, error) {
	ctx, cancel := r.end.bound(ctx)
	defer cancel()
	out, err := runRestore(ctx, r)
	if usage.Is(err) {
		return nil, err
	}
	out.partial = err != nil
	err = errors.Join(err, out.timesErr)
	out.outcome, out.cause = outcomeOf(err), err
	out.CacheResult = cacheResult(out)
	if out.Result != nil {
		r.out.warnings(out.Warnings)
		tellMore(r.out, out)
	}
	if printErr := r.out.result(out, out.write); printErr != nil {
		return nil, printErr
	}
	if err == nil && r.cfg.FailOnMiss && out.Matched == nil {
		return out, failure{config.ExitMiss, fmt.Errorf("no snapshot found for %s", out.Key)}
	}
	return out, r.end.finish(ctx, err)
}

// runRestore returns as much of the result as it got to, also beside an error. The store comes
// first: a mistake in its URL is wrong usage on any machine, even on one without Go.
func runRestore(ctx context.Context, r *run) (*restoreOutput, error) {
	out := new(restoreOutput)
	forgetCredentials(r)
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
	if r.cfg.LookupOnly {
		out.LookupOnly = true
		out.Result, err = restore.Lookup(ctx, restoreOptions(r, p, st, nil))
		afterLookup(ctx, r, st, p, out, err)
		return out, err
	}
	keepCredentials(ctx, r, st)
	meter := new(report.Meter)
	show := r.progress(meter, downloadWords)
	var beside sync.WaitGroup
	if r.cfg.StableMtimes {
		beside.Go(func() { out.Mtimes, out.timesErr = stableMtimes(ctx, p.dir) })
	}
	out.Result, err = restore.Run(ctx, restoreOptions(r, p, st, meter))
	beside.Wait()
	show.Stop()
	if out.Result != nil {
		out.Result.State.StableTimes = out.Mtimes != nil && out.timesErr == nil && out.Mtimes.LeftAlone == 0
	}
	afterLookup(ctx, r, st, p, out, err)
	r.out.warnings(p.key.Notes)
	tellNoModule(r.out, p)
	r.out.warnings(out.Mtimes.warnings())
	out.stateErr = keepState(r, p, out.Result)
	return out, err
}

// afterLookup prints the notes of a store that was asked, and what may explain a miss.
func afterLookup(ctx context.Context, r *run, st store.Store, p *project, out *restoreOutput, err error) {
	storeNotes(r.out, st)
	if err == nil && out.Matched == nil {
		tellOtherKeys(ctx, r.out, st, p)
	}
}

// keepState leaves the notes for save, even after a miss or an error: the notes of an earlier
// restore would mislead it.
func keepState(r *run, p *project, res *restore.Result) error {
	if res == nil {
		return nil
	}
	file, err := stateFile(r, p)
	if err != nil {
		return err
	}
	// In a place that ends with the job, notes are of an earlier restore of this job: what it and
	// the steps since then brought does not mean that the machine keeps its caches.
	if r.notes != "" || p.temp != "" {
		if before, err := jobstate.Read(file); err == nil && before != nil {
			res.State.KeptModules, res.State.KeptBuild = before.KeptModules, before.KeptBuild
		}
	}
	return jobstate.Write(file, res.State)
}

// tellMore warns of what has a hint and does not fail the restore.
func tellMore(c *console, out *restoreOutput) {
	tell := func(err error) {
		c.warn(err, hintFor(err))
		out.Warnings = append(out.Warnings, report.OneLine(err.Error()))
	}
	if out.NotWritten != nil {
		tell(out.NotWritten)
	}
	if out.stateErr != nil {
		tell(fmt.Errorf("save will not know what was restored: %w", out.stateErr))
	}
}

// restoreOptions turns a configuration into options of package restore. plan and try use it too, so
// that they do what restore does.
func restoreOptions(r *run, p *project, st store.Store, m *report.Meter) restore.Options {
	o := restore.Options{
		Store: st, Repo: p.id.Repo,
		Scope: p.id.Scope, BaseScope: p.id.BaseScope, DefaultScope: p.id.DefaultScope,
		Keys: p.key, ModDir: p.modDir, BuildDir: p.buildDir,
		BuiltWith: p.builtWith, ModWritable: p.env.modWritable(), Private: p.env.private(),
		Trust: r.keys.trust(), VerifyOutputs: r.cfg.Verify == config.VerifyOutputs,
		Zips: r.cfg.Zips == config.ZipsRebuild, Fuzz: r.cfg.Fuzz, NoToolchains: r.cfg.NoToolchains, Paths: p.paths,
		Concurrency: r.concurrency(), PartSize: partSize(r.cfg.Store), Memory: r.memory.restore,
		Meter: m, Now: time.Now, MoreMemory: r.memory.allowMore,
	}
	switch {
	case r.cfg.CheckSumDB == config.SumDBAlways:
		o.SumDB, o.SumDBAlways = p.env.sumDB(), true
	case r.cfg.CheckSumDB == config.SumDBAuto && p.env.GOSUMDB != "off":
		// whoever switches the database off does not want to be warned about it
		o.SumDB = p.env.sumDB()
	}
	return o
}

// partSize is the size of ranged reads that the URL of the store asks for; 0 for the measured best.
func partSize(url string) int64 {
	t, err := storeurl.Parse(url)
	switch {
	case err != nil:
	case t.S3 != nil:
		return t.S3.PartSize
	case t.Azure != nil:
		return t.Azure.PartSize
	case t.Google != nil:
		return t.Google.PartSize
	}
	return 0
}

// write prints the result for people.
func (o restoreOutput) write(w io.Writer) error {
	r := o.Result
	if r == nil || o.partial && r.FilesWritten == 0 {
		return nil // the warning says it all
	}
	if o.LookupOnly {
		return report.Summary{Title: foundTitle(r.Key, r.Matched, o.partial)}.Write(w)
	}
	head := []string{"", "restored", "already there", "missing", "refused"}
	unwritten := r.Modules.Unwritten+r.Build.Unwritten+r.Packs.Unwritten+r.Files.Unwritten > 0
	if unwritten {
		head = append(head, "not written")
	}
	row := func(name string, c restore.Counts) []string {
		cells := []string{name, quantity.Count(c.Restored), quantity.Count(c.Present), quantity.Count(c.Missing), quantity.Count(c.Refused)}
		if unwritten {
			cells = append(cells, quantity.Count(c.Unwritten))
		}
		return cells
	}
	s := report.Summary{
		Title: foundTitle(r.Key, r.Matched, o.partial),
		Counts: report.Table{
			Head: head,
			Rows: [][]string{row("modules", r.Modules), row("build entries", r.Build), row("packs", r.Packs)},
		},
		Facts: [][2]string{
			{"fetched", quantity.Bytes(r.BytesFetched)},
			{"written", fmt.Sprintf("%s in %s", quantity.Bytes(r.BytesWritten), quantity.Counted(r.FilesWritten, "file"))},
		},
		Result: o.result(),
	}
	if r.Files != (restore.Counts{}) {
		s.Counts.Rows = slices.Insert(s.Counts.Rows, 2, row(filesTitle, r.Files))
	}
	if o.Mtimes != nil {
		s.Facts = append(s.Facts, [2]string{"times", o.Mtimes.fact()})
	}
	if o.partial || len(r.Losses) > 0 {
		s.Tone = report.Doubtful
	}
	for _, l := range spread(r.Losses) {
		s.Losses = append(s.Losses, fmt.Sprintf("%s: %s: %s", l.What, l.Kind, l.Reason))
	}
	return s.Write(w)
}

// result sums up a restore in a line.
func (o restoreOutput) result() string {
	r := o.Result
	took := " in " + seconds(r.Seconds)
	switch {
	case o.partial:
		return "restored only in part" + took
	case r.FilesWritten > 0:
		return fmt.Sprintf("restored %s%s", quantity.Bytes(r.BytesWritten), took)
	case r.Hit() && o.Matched != nil:
		return "all was there already, checked" + took
	}
	return "nothing to restore, looked" + took
}

// foundTitle says which snapshot was found for a key. partial means that the search did not come to
// its end: there may be a snapshot although none was found.
func foundTitle(key string, m *jobstate.Matched, partial bool) string {
	switch {
	case m == nil && partial:
		return "could not find out whether there is a snapshot for " + key
	case m == nil:
		return "no snapshot found for " + key
	}
	kind := "latest snapshot"
	if m.Exact {
		kind = "snapshot of the same module files"
	}
	return fmt.Sprintf("%s: %s in %s, saved %s", key, kind, m.Scope, quantity.Ago(m.Saved, time.Now()))
}

func seconds(s float64) string { return quantity.Seconds(time.Duration(s * float64(time.Second))) }
