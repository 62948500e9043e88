package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/org/gocache-action/gc"
	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/listing"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/usage"
)

const showLong = `Show says what a snapshot has: entries, modules and packs, what of it no other snapshot
names, with what it was built, who signed it, how it grew, which jobs wrote it, and what
is large in it.

KEY is an ID or a key as ls prints them, the beginning of one, such as the name of a job,
or the name of a manifest. Of snapshots that differ in their module files only, the
latest is shown. With --packages it reads the packs to say which packages are large.`

// showCommand describes the command line.
func showCommand(c commands) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "show KEY",
		Short:   "Say what a snapshot has",
		Long:    showLong,
		Example: "  gocache show test --scope refs/heads/main\n  gocache show 3fa9c1d207 --packages",
		Args:    need(1, 1, "a snapshot: an ID or a key, as 'gocache ls' prints them"),
	}
	return c.add(cmd, config.Show, func(ctx context.Context, r *run, args []string) error { return showJob(ctx, r, args[0]) })
}

// showOutput is what show prints with --json.
type showOutput struct {
	Store string `json:"store"`
	listing.Snapshot
	*listing.Detail                   // nil: the manifest could not be read
	Weight          *gc.Weight        `json:"weight,omitempty"`   // nil: not known, as on GitHub
	Packages        []listing.Package `json:"packages,omitempty"` // with --packages
	now             time.Time
}

func showJob(ctx context.Context, r *run, word string) error {
	ctx, cancel := r.end.bound(ctx)
	defer cancel()
	out, err := runShow(ctx, r, word)
	if usage.Is(err) {
		return err
	}
	if err == nil {
		err = r.out.result(out, out.write)
	}
	return r.end.finish(ctx, err)
}

func runShow(ctx context.Context, r *run, word string) (*showOutput, error) {
	l, err := openLook(ctx, r)
	if err != nil {
		return nil, err
	}
	found, err := l.list(ctx, r, l.filter)
	if err != nil {
		return nil, err
	}
	one, err := l.choose(found.Snapshots, word)
	if err != nil {
		return nil, err
	}
	out := &showOutput{Store: l.name, Snapshot: one, now: time.Now()}
	m, err := out.describe(ctx, r, l)
	if err != nil || m == nil {
		return out, err
	}
	if l.objects != nil {
		mine := func(object string) bool { return object == one.Object || object == one.Also }
		o := gc.Options{Store: l.objects, Concurrency: r.cfg.Concurrency}
		if out.Weight, err = gc.Weigh(ctx, o, one.Repo, mine); err != nil {
			return out, err
		}
	}
	if r.cfg.Look.Packages {
		out.Packages, err = listing.Packages(ctx, l.store(), m)
	}
	return out, err
}

// store is where the packs are.
func (l *lookedAt) store() store.Store {
	if l.objects != nil {
		return l.objects
	}
	return l.service
}

// choose finds the snapshot that a word means.
func (l *lookedAt) choose(list []listing.Snapshot, word string) (one listing.Snapshot, err error) {
	found := listing.Find(list, word)
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		keys := map[string]bool{}
		for _, s := range list {
			keys[s.Readable] = true
			keys[nameOfSnapshot(s)] = true
		}
		return one, fmt.Errorf("%s: %w %s%s", l.name, errNothingNamed, word, didYouMean(closeTo(word, sortedKeys(keys))))
	}
	var texts []string
	for _, s := range found[:min(len(found), maxClose)] {
		texts = append(texts, fmt.Sprintf("%s (%s in %s)", s.ID, s.Readable, s.Scope))
	}
	return one, usage.Errorf("%s names %d snapshots, give --scope or one of their IDs: %s", word, len(found), strings.Join(texts, ", "))
}

// describe reads the manifest; nil if this job cannot.
func (out *showOutput) describe(ctx context.Context, r *run, l *lookedAt) (*snapshot.Manifest, error) {
	var data []byte
	var err error
	switch {
	case l.objects != nil:
		data, _, err = store.Get(ctx, l.objects, out.Object, snapshot.MaxManifest)
	case l.service == nil || len(out.Key) == 0: // which ls has tried
		return nil, nil
	default:
		data, err = l.service.ManifestOf(ctx, out.Object)
	}
	if err != nil {
		return nil, store.Named("manifest", out.Object, err)
	}
	m, err := r.keys.trust().DecodeManifest(data, out.now)
	if err != nil {
		return nil, store.Named("manifest", out.Object, err)
	}
	o, err := snapshot.OverviewOf(data)
	if err != nil {
		return nil, store.Named("manifest", out.Object, err)
	}
	out.Detail = listing.DetailOf(m, o.SignedBy, out.now)
	return m, nil
}

// write prints the snapshot for people.
func (out *showOutput) write(w io.Writer) error {
	if err := (report.Summary{Title: out.Readable, Facts: out.facts()}).Write(w); err != nil {
		return err
	}
	if out.Detail == nil {
		_, err := fmt.Fprintln(w, "\nonly an action, in a job that may read this ref, is told what is in it")
		return err
	}
	for _, t := range []report.Table{out.trend(), out.largest(), out.packages()} {
		if len(t.Rows) == 0 {
			continue
		}
		fmt.Fprintln(w)
		if err := t.Write(w); err != nil {
			return err
		}
	}
	return nil
}
