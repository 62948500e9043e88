package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/org/gocache-action/gc"
	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/usage"
)

const gcLong = `Gc removes from a store what nobody needs any more: snapshots that were not
saved for --max-age, packs that no snapshot names, modules that no snapshot names
and that nobody used for --max-age, and uploads that were never finished.

It runs beside jobs. What is unnamed is first noted in the store, and removed by
a later gc when --grace has passed: so run it regularly, once a day for example.
The first one in a store removes only old snapshots and uploads. With --dry-run
it lists what would go now, the largest first, and writes nothing.

It looks at the whole store, whatever repositories and branches are in it. With
--scope it removes the snapshots of one branch or pull request instead.

In the cache that GitHub gives a repository (--store actions) it removes entries of
gocache that no snapshot needs, through the API of GitHub: $GITHUB_TOKEN needs the
permission actions: write.`

// gcCommand describes the command line.
func gcCommand(c commands) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "gc",
		Short:   "Remove from a store what nobody needs any more",
		Long:    gcLong,
		Example: "  gocache gc --store 's3://bucket/prefix?region=eu-central-1' --dry-run\n  gocache gc --store 's3://bucket/prefix?region=eu-central-1' --scope refs/pull/7/merge",
		Args:    noArgs,
	}
	return c.add(cmd, config.GC, func(ctx context.Context, r *run, _ []string) error { return cleanStore(ctx, r) })
}

// cleanStore runs the command.
func cleanStore(ctx context.Context, r *run) error {
	if r.cleansCaches() {
		return cachesJob(ctx, r)
	}
	return gcJob(ctx, r)
}

// gcOutput is what gc prints with --json.
type gcOutput struct {
	Store string `json:"store"`
	Repo  string `json:"repo,omitempty"` // with --scope
	Scope string `json:"scope,omitempty"`
	*gc.Result
	outcome
}

// gcJob cleans a store of objects. Its failures are errors: no job depends on gc, and whoever runs
// it wants to know.
func gcJob(ctx context.Context, r *run) error {
	ctx, cancel := r.end.bound(ctx)
	defer cancel()
	out, err := runGC(ctx, r)
	if out.Result != nil {
		r.out.warnings(out.Warnings)
	}
	return r.conclude(ctx, out, err)
}

var gcWords = report.Words{Transfer: "remove", TransferDone: "removed", Disk: "look", DiskDone: "looked at", Things: "objects"}

// runGC runs the collection. It returns as much of the result as it got to, also beside an error.
func runGC(ctx context.Context, r *run) (*gcOutput, error) {
	out := new(gcOutput)
	st, err := openStore(ctx, r)
	if err != nil {
		return out, err
	}
	out.Store = st.String()
	if err := isThere(st); err != nil {
		return out, err
	}
	if err := store.Writable(ctx, st); err != nil {
		return out, err
	}
	c, ok := st.(store.Collector)
	if !ok {
		return out, usage.Errorf("gc cannot clean %s", st)
	}
	o := gc.Options{
		Store: c, MaxAge: r.cfg.MaxAge, Grace: r.cfg.Grace,
		Concurrency: r.cfg.Concurrency, Meter: new(report.Meter),
	}
	repo, err := scopedRepo(ctx, r)
	if err != nil {
		return out, err
	}
	out.Repo, out.Scope = repo, r.cfg.Scope
	show := r.progress(o.Meter, gcWords)
	defer show.Stop()
	switch {
	case repo != "" && r.cfg.DryRun:
		out.Result, err = gc.PlanSelected(ctx, o, gc.Selection{Repo: repo, Scope: r.cfg.Scope})
	case repo != "":
		out.Result, err = gc.RunSelected(ctx, o, gc.Selection{Repo: repo, Scope: r.cfg.Scope})
	case r.cfg.DryRun:
		out.Result, err = gc.Plan(ctx, o)
	default:
		out.Result, err = gc.Run(ctx, o)
	}
	return out, err
}

// write prints the result for people.
func (o gcOutput) write(w io.Writer) error {
	r := o.Result
	if r == nil || o.Error != "" && r.Listed == 0 {
		return nil // the error says it all
	}
	if o.Scope != "" {
		return o.writeScope(w)
	}
	verb := "removed"
	if !r.DryRun {
		writeOldSnapshots(w, r)
	} else {
		verb = "would remove"
		if err := writeRemovals(w, r); err != nil {
			return err
		}
	}
	s := report.Summary{
		Counts: report.Table{Head: []string{"", "kept", "waiting", "protected", verb, "freed"}, Rows: gcRows(r)},
		Facts:  gcFacts(r),
		Result: fmt.Sprintf("%s: %s %s, %s, in %s", o.Store, verb, quantity.Counted(r.Total.Objects, "object"), quantity.Bytes(r.Total.Bytes), seconds(r.Seconds)),
	}
	for _, u := range r.Unreadable {
		s.Losses = append(s.Losses, fmt.Sprintf("%s cannot be read, so nothing that it could name is removed: %s", u.Object, u.Reason))
	}
	s.LossTitle = "protected"
	return s.Write(w)
}

func gcRows(r *gc.Result) (rows [][]string) {
	for _, k := range []snapshot.Kind{snapshot.KindManifest, snapshot.KindPack, snapshot.KindModule, snapshot.KindProxy, snapshot.KindHealth, gc.KindUpload} {
		c := r.Kinds[k]
		rows = append(rows, []string{
			objectTitle(k), quantity.Count(c.Kept.Objects + c.Recent.Objects), quantity.Count(c.Waiting.Objects),
			quantity.Count(c.Protected.Objects), quantity.Count(c.Removed.Objects), quantity.Bytes(c.Removed.Bytes),
		})
	}
	return rows
}

func gcFacts(r *gc.Result) [][2]string {
	var kept, waiting int64
	for _, c := range r.Kinds {
		kept += c.Kept.Bytes + c.Recent.Bytes + c.Protected.Bytes + c.Waiting.Bytes + c.Refused.Bytes
		waiting += c.Waiting.Bytes
	}
	facts := [][2]string{{"left", quantity.Bytes(kept)}}
	if waiting > 0 {
		facts = append(facts, [2]string{"waiting", quantity.Bytes(waiting) + " that nothing names any more: removed when that has been so for --grace"})
	}
	if r.Other.Objects > 0 {
		facts = append(facts, [2]string{"left alone", quantity.Counted(r.Other.Objects, "object") + " not gocache's, " + quantity.Bytes(r.Other.Bytes)})
	}
	return facts
}

// writeOldSnapshots names the snapshots that were removed, so that nobody has to find out from a
// slow job.
func writeOldSnapshots(w io.Writer, r *gc.Result) {
	listed := 0
	for _, x := range r.Removals {
		if x.Kind == snapshot.KindManifest && listed < listedRemovals {
			fmt.Fprintf(w, "removed %s, %s\n", x.Object, x.Detail)
			listed++
		}
	}
	if more := r.Kinds[snapshot.KindManifest].Removed.Objects - int64(listed); more > 0 {
		fmt.Fprintf(w, "removed %s more snapshots\n", quantity.Count(more))
	}
	if listed > 0 {
		fmt.Fprintln(w)
	}
}

// listedRemovals is how many removals are printed; --json lists more.
const listedRemovals = 50

// writeRemovals lists what would be removed, the largest first, then the totals by reason.
func writeRemovals(w io.Writer, r *gc.Result) error {
	if len(r.Removals) == 0 {
		return nil
	}
	t := report.Table{Head: []string{"object", "bytes", "reason"}}
	for _, x := range r.Removals[:min(len(r.Removals), listedRemovals)] {
		t.Rows = append(t.Rows, []string{x.Object, quantity.Bytes(x.Bytes), x.Detail})
	}
	if err := t.Write(w); err != nil {
		return err
	}
	if more := r.Total.Objects - int64(len(t.Rows)); more > 0 {
		fmt.Fprintf(w, "and %s smaller ones, see --json\n", quantity.Count(more))
	}
	fmt.Fprintln(w)
	totals := report.Table{Head: []string{"reason", "objects", "bytes"}}
	for _, reason := range []gc.Reason{gc.ReasonOldManifest, gc.ReasonSelected, gc.ReasonUnnamed, gc.ReasonUnusedModule, gc.ReasonUpload} {
		if a := r.Reasons[reason]; a.Objects > 0 {
			totals.Rows = append(totals.Rows, []string{string(reason), quantity.Count(a.Objects), quantity.Bytes(a.Bytes)})
		}
	}
	if err := totals.Write(w); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w)
	return err
}
