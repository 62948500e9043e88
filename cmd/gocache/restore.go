package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/redact"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/restore"
)

const restoreLong = `Restore fills GOMODCACHE and GOCACHE from the store: the modules that go.sum
names, each checked against go.sum, and the newest fitting snapshot of the build
cache. What is there already and whole is left alone.

The snapshot is looked for under the exact key of the module files, then under
the latest of the same name; in the own scope, then the base, then the default.
Finding nothing is no error.`

// restoreCommand describes the command line.
func (a *app) restoreCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "restore",
		Short:   "Fill the caches from the store",
		Long:    restoreLong + "\n" + exitCodes,
		Example: "  gocache restore --store 's3://bucket/prefix?region=eu-central-1'",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.restore(cmd.Context()) },
	}
	fs := cmd.Flags()
	a.flags.project(fs)
	a.flags.transfer(fs)
	a.flags.restore(fs)
	a.flags.failOnError(fs)
	a.flags.failOnMiss(fs)
	a.flags.summaryFlag(fs)
	complete(cmd)
	return cmd
}

// restoreOutput is what restore prints with --json.
type restoreOutput struct {
	identity
	Store      string `json:"store"`
	LookupOnly bool   `json:"lookupOnly,omitempty"`
	*restore.Result
	Mtimes      *mtimesOutput `json:"mtimes,omitempty"`
	CacheResult string        `json:"cacheResult"` // hit, partial, miss, unavailable
	outcome
	partial  bool  // the restore itself ended with an error
	timesErr error // why Mtimes is not whole, on which the restore does not depend
}

// outcome is what all commands print when something went wrong.
type outcome struct {
	Error string `json:"error,omitempty"`
	Hint  string `json:"hint,omitempty"`
}

// outcomeOf puts an error into a result, so that programs need not read stderr.
func outcomeOf(err error) outcome {
	if err == nil {
		return outcome{}
	}
	return outcome{redact.Text(err.Error()), hintFor(err)}
}

// restore runs the command. Its result is printed also when it is only a part.
func (a *app) restore(ctx context.Context) error {
	ctx, cancel := a.deadline(ctx, "restore")
	defer cancel()
	out := restoreOutput{}
	err := a.runRestore(ctx, &out)
	if isUsage(err) {
		return err
	}
	out.partial = err != nil
	err = errors.Join(err, out.timesErr)
	out.outcome = outcomeOf(err)
	out.CacheResult = cacheResult(&out)
	if printErr := a.out.result(out, out.write); printErr != nil {
		return printErr
	}
	if out.Result != nil {
		a.warnings(out.Warnings)
	}
	a.summarize(&out, nil)
	if err == nil && a.flags.failMiss && out.Matched == nil {
		return failure{exitMiss, fmt.Errorf("no snapshot found for %s", out.Key)}
	}
	return a.finish(ctx, err, false)
}

// runRestore fills out as far as it gets. The store comes first, as a mistake in its URL is
// wrong usage on any machine, also on one without Go.
func (a *app) runRestore(ctx context.Context, out *restoreOutput) error {
	a.forgetCredentials()
	st, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	out.Store = st.String()
	p, err := a.project(ctx)
	if err != nil {
		return err
	}
	out.identity = p.id
	if a.flags.lookupOnly {
		out.LookupOnly = true
		out.Result, err = restore.Lookup(ctx, a.restoreOptions(p, st, nil))
		a.storeNotes(st)
		if err == nil && out.Matched == nil {
			a.tellOtherVersions(ctx, st, p)
		}
		return err
	}
	a.keepCredentials(ctx, st)
	meter := new(report.Meter)
	show := a.progress(meter, downloadWords)
	var beside sync.WaitGroup
	if a.flags.stableMtimes {
		beside.Go(func() { out.Mtimes, out.timesErr = stableMtimes(ctx, p.dir) })
	}
	out.Result, err = restore.Run(ctx, a.restoreOptions(p, st, meter))
	beside.Wait()
	show.Stop()
	if out.Result != nil {
		out.Result.State.StableTimes = out.Mtimes != nil && out.timesErr == nil && out.Mtimes.LeftAlone == 0
	}
	a.storeNotes(st)
	if err == nil && out.Matched == nil {
		a.tellOtherVersions(ctx, st, p)
	}
	a.warnings(p.key.Notes)
	a.warnings(out.Mtimes.warnings())
	return errors.Join(err, a.keepState(p, out.Result))
}

// keepState leaves the notes for save, also after a miss or an error: those of an earlier
// restore would mislead it.
func (a *app) keepState(p *project, res *restore.Result) error {
	if res == nil {
		return nil
	}
	file, err := p.stateFile(&a.flags)
	if err != nil {
		return err
	}
	return jobstate.Write(file, res.State)
}

// restoreOptions is the one place where flags and environment become options; plan and
// try use it too, so that they do what restore does.
func (a *app) restoreOptions(p *project, st store.Store, m *report.Meter) restore.Options {
	o := restore.Options{
		Store: st, Repo: p.id.Repo,
		Scope: p.id.Scope, BaseScope: p.id.BaseScope, DefaultScope: p.id.DefaultScope,
		Keys: p.key, ModDir: p.modDir, BuildDir: p.buildDir,
		BuiltWith: p.builtWith, ModWritable: p.env.modWritable(), Private: p.env.private(),
		Trust: a.flags.signing.trust(), VerifyOutputs: a.flags.verify.value == "outputs",
		Zips: a.flags.zips.value == "rebuild", Fuzz: a.flags.fuzz, NoToolchains: a.flags.noToolchains, Paths: p.paths,
		Concurrency: a.concurrency(), PartSize: int64(a.flags.partSize), Memory: a.budget().restore,
		Meter: m, Now: time.Now, MoreMemory: a.allowMore,
	}
	switch mode := a.flags.checkSumDB.value; {
	case mode == "always":
		o.SumDB, o.SumDBAlways = p.env.sumDB(), true
	case mode == "auto" && p.env.GOSUMDB != "off":
		// whoever switches the database off does not want to be warned of that
		o.SumDB = p.env.sumDB()
	}
	return o
}

// write prints the result for people.
func (o restoreOutput) write(w io.Writer) error {
	r := o.Result
	if r == nil || o.partial && r.FilesWritten == 0 {
		return nil // the warning says it all
	}
	if o.LookupOnly {
		return report.Summary{Title: foundTitle(r.Key, r.Matched)}.Write(w)
	}
	row := func(name string, c restore.Counts) []string {
		return []string{name, report.Count(c.Restored), report.Count(c.Present), report.Count(c.Missing), report.Count(c.Refused)}
	}
	s := report.Summary{
		Title: foundTitle(r.Key, r.Matched),
		Counts: report.Table{
			Head: []string{"", "restored", "already there", "missing", "refused"},
			Rows: [][]string{row("modules", r.Modules), row("build entries", r.Build), row("packs", r.Packs)},
		},
		Facts: [][2]string{
			{"fetched", report.Bytes(r.BytesFetched)},
			{"written", fmt.Sprintf("%s in %s files", report.Bytes(r.BytesWritten), report.Count(r.FilesWritten))},
			{"time", seconds(r.Seconds)},
		},
	}
	if r.Files != (restore.Counts{}) {
		s.Counts.Rows = slices.Insert(s.Counts.Rows, 2, row(filesTitle, r.Files))
	}
	if o.Mtimes != nil {
		s.Facts = append(s.Facts, [2]string{"times", o.Mtimes.fact()})
	}
	if o.partial {
		s.Title = r.Key + ": restored only in part"
	}
	for _, l := range r.Losses {
		s.Losses = append(s.Losses, fmt.Sprintf("%s: %s: %s", l.What, l.Kind, l.Reason))
	}
	return s.Write(w)
}

// foundTitle says which snapshot was found for a key.
func foundTitle(key string, m *jobstate.Matched) string {
	if m == nil {
		return "no snapshot found for " + key
	}
	kind := "latest snapshot"
	if m.Exact {
		kind = "snapshot of the same module files"
	}
	return fmt.Sprintf("%s: %s in %s, saved %s", key, kind, m.Scope, humanize.Time(m.Saved))
}

func seconds(s float64) string { return report.Seconds(time.Duration(s * float64(time.Second))) }
