package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/org/gocache-action/gc"
	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/repocache"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/actions"
	"github.com/org/gocache-action/internal/usage"
)

const rmLong = `Rm removes the snapshots of a scope, a name or a whole repository, and says what gc
then frees: what no other snapshot names. Without --yes it only says what it would
remove.

It is safe beside jobs: they find no snapshot, or another one, and save again what they
have. What a snapshot alone has named stays until gc has noted it and --grace has passed,
so a save that relies on it loses nothing.`

// rmCommand describes the command line.
func rmCommand(c commands) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "rm",
		Short:   "Remove snapshots of a store",
		Long:    rmLong,
		Example: "  gocache rm --scope refs/heads/old --name test\n  gocache rm --scope refs/heads/old --name test --yes",
		Args:    noArgs,
	}
	return c.add(cmd, config.Remove, func(ctx context.Context, r *run, _ []string) error {
		if r.cfg.Scope == "" && r.cfg.Look.Name == "" && !cmd.Flags().Changed("repo") {
			return usage.Errorf("rm needs to know what to remove: give --scope, --name or --repo")
		}
		return rmJob(ctx, r)
	})
}

// rmOutput is what rm prints with --json.
type rmOutput struct {
	Store  string            `json:"store"`
	Repo   string            `json:"repo"`
	Scope  string            `json:"scope,omitempty"`
	Name   string            `json:"name,omitempty"`
	DryRun bool              `json:"dryRun"`
	Result *gc.Result        `json:"result,omitempty"` // of a store of objects
	Weight *gc.Weight        `json:"weight,omitempty"` // what they take up beside their manifests
	Caches *repocache.Result `json:"caches,omitempty"` // of the caches of a repository on GitHub
	outcome
}

func rmJob(ctx context.Context, r *run) error {
	ctx, cancel := r.end.bound(ctx)
	defer cancel()
	out, err := runRm(ctx, r)
	if out.Result == nil && out.Caches == nil {
		return r.end.finish(ctx, err)
	}
	r.out.warnings(out.warnings())
	return r.conclude(ctx, out, err)
}

func runRm(ctx context.Context, r *run) (*rmOutput, error) {
	out := &rmOutput{Scope: r.cfg.Scope, Name: r.cfg.Look.Name, DryRun: !r.cfg.Look.Yes}
	l, err := openLook(ctx, r)
	if err != nil {
		return out, err
	}
	out.Store, out.Repo = l.name, l.filter.Repo
	if out.Repo == "" {
		return out, usage.Errorf("rm removes snapshots of one repository, and it is not known of which: give --repo")
	}
	if l.objects == nil {
		return out, out.removeCaches(ctx, r, l)
	}
	return out, out.removeObjects(ctx, r, l)
}

// removeObjects first finds out what is selected, so that a name that nothing has is an error, and
// weighs it before it is removed.
func (out *rmOutput) removeObjects(ctx context.Context, r *run, l *lookedAt) error {
	if err := store.Writable(ctx, l.objects); err != nil {
		return err
	}
	err := out.removeSelected(ctx, r, l)
	if errors.Is(err, errNothingNamed) {
		return l.nothingNamed(ctx, r)
	}
	return err
}

func (out *rmOutput) removeSelected(ctx context.Context, r *run, l *lookedAt) error {
	o := gc.Options{Store: l.objects, Concurrency: r.cfg.Concurrency, Meter: new(report.Meter)}
	show := r.progress(o.Meter, gcWords)
	defer show.Stop()
	sel := gc.Selection{Repo: out.Repo, Scope: out.Scope, Name: out.Name}
	plan, err := gc.PlanSelected(ctx, o, sel)
	if err == nil && plan.Total.Objects == 0 {
		err = errNothingNamed
	}
	if err == nil {
		out.Weight, err = gc.Weigh(ctx, o, out.Repo, sel.Has)
	}
	if err != nil {
		return err
	}
	if out.Result = plan; !out.DryRun {
		out.Result, err = gc.RunSelected(ctx, o, sel)
	}
	return err
}

// removeCaches is the same for the caches of a repository on GitHub. With a scope alone, everything
// is removed that its jobs have stored.
func (out *rmOutput) removeCaches(ctx context.Context, r *run, l *lookedAt) error {
	o := repocache.Options{API: l.caches, Scope: out.Scope, DryRun: true, Rules: repocache.Rules{Now: time.Now()}}
	if out.Scope == "" || out.Name != "" {
		o.Named = func(k actions.SnapshotKey) bool { return out.Name == "" || k.IsOf(out.Repo, out.Name) }
	}
	res, err := repocache.Run(ctx, o)
	if err == nil && res.Total.Entries == 0 {
		return l.nothingNamed(ctx, r)
	}
	if err == nil && !out.DryRun {
		o.DryRun = false
		res, err = repocache.Run(ctx, o)
	}
	out.Caches = res
	return err
}

func (out *rmOutput) warnings() []string {
	if out.Result != nil {
		return out.Result.Warnings
	}
	return out.Caches.Warnings
}

// write prints for people what was removed, and what gc then frees.
func (out *rmOutput) write(w io.Writer) error {
	if out.Error != "" {
		return nil
	}
	if out.Caches != nil {
		return out.writeCaches(w)
	}
	res, verb := out.Result, out.verb()
	for _, x := range res.Removals[:min(len(res.Removals), listedRemovals)] {
		if _, err := fmt.Fprintf(w, "%s %s, %s, %s\n", verb, x.Object, quantity.Bytes(x.Bytes), x.Detail); err != nil {
			return err
		}
	}
	if err := writeMore(w, res.Total.Objects-listedRemovals); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s: %s %s manifests of %s, %s\n%s", out.Store, verb,
		quantity.Count(res.Kinds[snapshot.KindManifest].Removed.Objects), out.Repo, quantity.Bytes(res.Total.Bytes), out.freed())
	if err == nil && out.DryRun {
		err = sayYes(w)
	}
	return err
}

func (out *rmOutput) verb() string {
	if out.DryRun {
		return "would remove"
	}
	return "removed"
}

// freed says what gc removes afterwards, and what stays.
func (out *rmOutput) freed() string {
	wt := out.Weight
	if len(wt.Unreadable) > 0 {
		return fmt.Sprintf("gc then frees nothing: %s cannot be read, and could name anything\n", wt.Unreadable[0].Object)
	}
	text := fmt.Sprintf("gc then frees %s that nothing else names, %s, once it has noted them for --grace\n", quantity.Counted(wt.Alone.Objects, "object"), quantity.Bytes(wt.Alone.Bytes))
	if wt.Shared.Objects > 0 {
		text += fmt.Sprintf("%s that other snapshots name as well, %s, stay\n", quantity.Counted(wt.Shared.Objects, "object"), quantity.Bytes(wt.Shared.Bytes))
	}
	return text + "public modules stay until no repository uses them\n"
}

// writeCaches is write for the caches of a repository on GitHub.
func (out *rmOutput) writeCaches(w io.Writer) error {
	res, verb := out.Caches, out.verb()
	for _, x := range res.Removals[:min(len(res.Removals), listedRemovals)] {
		if _, err := fmt.Fprintf(w, "%s %s of %s, %s\n", verb, x.Key, x.Ref, quantity.Bytes(x.Bytes)); err != nil {
			return err
		}
	}
	if err := writeMore(w, res.Total.Entries-listedRemovals); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s: %s %s entries, %s; gc removes the bundles that nothing names then, and GitHub what nobody reads for 7 days\n",
		out.Store, verb, quantity.Count(res.Total.Entries), quantity.Bytes(res.Total.Bytes))
	if err == nil && out.DryRun {
		err = sayYes(w)
	}
	return err
}

func writeMore(w io.Writer, more int64) error {
	if more <= 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "and %s more, see --json\n", quantity.Count(more))
	return err
}

func sayYes(w io.Writer) error {
	_, err := fmt.Fprintln(w, "nothing was removed: --yes does it")
	return err
}
