package listing

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// Bounds of reading.
const (
	defaultConcurrency = 16
	// manifestMemory bounds the bytes of manifests that are read at once. A larger one is read
	// alone.
	manifestMemory = 32 << 20
)

// Options say how to look.
type Options struct {
	Concurrency int // manifests read at once; 0: 16
	Max         int // manifests that are read and kept; 0: MaxListed
	Meter       *report.Meter
}

// prefix is the longest that the names of all manifests have which fit the filter.
func (f Filter) prefix() string {
	switch {
	case f.Repo == "":
		return snapshot.ReposRoot
	case f.Scope == "":
		return snapshot.RepoPrefix(f.Repo) + "/"
	case f.Name == "":
		return snapshot.ManifestObject(f.Repo, f.Scope, nil) + "/"
	}
	return snapshot.ManifestObject(f.Repo, f.Scope, []string{f.Name}) + "/"
}

// fits tells of the name of a manifest.
func (f Filter) fits(m snapshot.ManifestName) bool {
	return (f.Repo == "" || m.Repo == snapshot.Escape(f.Repo)) && (f.Scope == "" || m.Scope == snapshot.Escape(f.Scope)) &&
		(f.Name == "" || m.Family[0] == snapshot.Escape(f.Name))
}

// Objects lists the snapshots of a store of objects. It goes through all objects below the longest
// prefix that the filter gives, one page at a time, and keeps Max manifests at most.
func Objects(ctx context.Context, st store.Collector, f Filter, o Options) (*Result, error) {
	if o.Meter == nil {
		o.Meter = new(report.Meter)
	}
	if o.Max <= 0 {
		o.Max = MaxListed
	}
	entries, more, err := manifests(ctx, st, f, o)
	if err != nil {
		return nil, err
	}
	list, err := readAll(ctx, st, entries, o)
	if err != nil {
		return nil, err
	}
	return &Result{Snapshots: joinLatest(list), More: more}, nil
}

// manifests lists those that fit, the newest if there are too many.
func manifests(ctx context.Context, st store.Collector, f Filter, o Options) (list []store.Entry, more int, err error) {
	all := 0
	for e, err := range st.List(ctx, f.prefix()) {
		if err != nil {
			return nil, 0, err
		}
		o.Meter.Files.Add(1)
		if m, ok := snapshot.ParseManifestObject(e.Name); !ok || !f.fits(m) {
			continue
		}
		all++
		if list = append(list, e); len(list) == 2*o.Max {
			list = newest(list, o.Max)
		}
	}
	list = newest(list, o.Max)
	return list, all - len(list), nil
}

// newest keeps so many manifests, those that were written last.
func newest(list []store.Entry, most int) []store.Entry {
	if len(list) <= most {
		return list
	}
	slices.SortFunc(list, func(a, b store.Entry) int { return b.ModTime.Compare(a.ModTime) })
	clear(list[most:])
	return list[:most]
}

// readAll reads what the manifests say of themselves. One that is gone by now is left out.
func readAll(ctx context.Context, st store.Store, entries []store.Entry, o Options) ([]Snapshot, error) {
	list := make([]Snapshot, len(entries))
	memory := semaphore.NewWeighted(manifestMemory)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(max(o.Concurrency, 0))
	if o.Concurrency <= 0 {
		g.SetLimit(defaultConcurrency)
	}
	for i, e := range entries {
		g.Go(func() error {
			need := min(max(e.Size, 1), manifestMemory)
			if err := memory.Acquire(gctx, need); err != nil {
				return store.Ended(gctx)
			}
			defer memory.Release(need)
			s, err := readOne(gctx, st, e)
			o.Meter.Bytes.Add(e.Size)
			if err == nil {
				list[i] = s
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list, func(s Snapshot) bool { return s.Object == "" }), nil
}

// readOne reads one manifest; nothing if it is gone. What concerns only this one is said in the
// row.
func readOne(ctx context.Context, st store.Store, e store.Entry) (Snapshot, error) {
	s := named(e)
	data, info, err := store.Get(ctx, st, e.Name, snapshot.MaxManifest)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return Snapshot{}, nil
	case err != nil && store.IsFailure(err) && !errors.Is(err, store.ErrDenied):
		return Snapshot{}, store.Named("manifest", e.Name, err)
	case err != nil:
		s.Problem = report.OneLine(err.Error())
		return s, nil
	}
	if !info.ModTime.IsZero() {
		s.Written, s.Bytes = info.ModTime, info.Size
	}
	s.describe(data, func(o snapshot.Overview) bool { return snapshot.ManifestObject(o.Repo, o.Scope, o.Key) == e.Name })
	return s, nil
}

// named is a snapshot as far as the name of its manifest says.
func named(e store.Entry) Snapshot {
	m, _ := snapshot.ParseManifestObject(e.Name)
	elements := make([]string, 0, len(m.Family)+2)
	for _, elem := range m.Family {
		elements = append(elements, snapshot.Unescape(elem))
	}
	if m.Extra != "" {
		elements = append(elements, m.Extra)
	}
	return Snapshot{
		ID: idOf(e.Name), Object: e.Name, Repo: snapshot.Unescape(m.Repo), Scope: snapshot.Unescape(m.Scope),
		Readable: readableKey(append(elements, m.Digest)), Latest: m.Digest == snapshot.Latest, Written: e.ModTime, Bytes: e.Size,
		group: path.Dir(e.Name),
	}
}

// describe adds what a manifest says, if it is the one that is meant.
func (s *Snapshot) describe(data []byte, meant func(snapshot.Overview) bool) {
	o, err := snapshot.OverviewOf(data)
	switch {
	case err != nil:
		s.Problem = report.OneLine(err.Error())
		return
	case !meant(o):
		s.Problem = "it is a manifest of another name"
		return
	}
	s.Repo, s.Scope, s.Saved, s.Commit, s.Run, s.Saves = o.Repo, o.Scope, o.Writer.Time.UTC(), o.Writer.Commit, o.Writer.Run, len(o.Trend)
	s.Key = append(slices.Clone(o.Key[:max(0, len(o.Key)-1)]), o.Digest)
	s.Readable = readableKey(s.Key)
	if n := len(o.Trend); n > 0 {
		last := o.Trend[n-1]
		s.Stored, s.Actions, s.Modules = last.Stored, last.Actions, last.Modules
	}
}

// joinLatest makes one of a snapshot that stands under its exact and under the latest key.
func joinLatest(list []Snapshot) []Snapshot {
	exact := map[string]int{}
	for i, s := range list {
		if !s.standsAsLatest() && s.Problem == "" {
			exact[s.place()] = i
		}
	}
	joined := make([]Snapshot, 0, len(list))
	for _, s := range list {
		if i, ok := exact[s.place()]; ok && s.standsAsLatest() && s.Problem == "" {
			list[i].Latest, list[i].Also = true, s.Object
		}
	}
	for _, s := range list {
		if _, ok := exact[s.place()]; !ok || s.Problem != "" || s.Also != "" || !s.standsAsLatest() {
			joined = append(joined, s)
		}
	}
	return joined
}

// standsAsLatest reports whether the manifest is the one under the latest key.
func (s *Snapshot) standsAsLatest() bool { return strings.HasSuffix(s.Object, "/"+snapshot.Latest) }

// place is what the two manifests of one snapshot have in common.
func (s *Snapshot) place() string {
	return strings.Join(append([]string{s.Repo, s.Scope}, s.Key...), "\x00")
}
