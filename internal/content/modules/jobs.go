package modules

import (
	"cmp"
	"context"
	"slices"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/snapshot"
)

// State is what the module cache holds of a version.
type State struct {
	Complete bool   // the go command takes it to be complete, and looks no further
	Sum      string // the h1 hash that is recorded beside it
	HasZip   bool
	// Bytes is the size of the tree, or -1 if it cannot be measured. It is measured only if the
	// manifest has a size to compare it with.
	Bytes int64
	// Deviation says which files of a broken tree are not what they should be; "" if that is
	// unknown.
	Deviation string
}

// Jobs is the plan for modules.
type Jobs struct {
	Fetch   []Fetch // the largest first
	Present int
	known   install.Outcome
}

// Fetch is a module to be fetched.
type Fetch struct {
	Wanted
	Zip     bool // rebuild its zip
	Replace bool // the local tree looks complete, and is broken
}

// verdict is the result of comparing a State with what is wanted.
type verdict int

const (
	absent verdict = iota // or incomplete, and the go command knows it
	broken                // not what it should be, and the go command does not know it
	whole
)

// judge compares a State with what is wanted. A tree of another size than the manifest records is
// broken.
func (w Wanted) judge(s State, zip bool) verdict {
	switch {
	case !s.Complete || s.Sum != w.Sum:
		return absent
	case w.Bytes != 0 && s.Bytes != w.Bytes:
		return broken
	case zip && !s.HasZip:
		return absent
	}
	return whole
}

// Plan lists the versions that are wanted and not whole. Those without a State are absent.
func (r Rules) Plan(m *snapshot.Manifest, here map[module.Version]State) Jobs {
	list, out := r.Wanted(m)
	p := Jobs{known: out}
	for _, w := range list {
		s, zip := here[w.Version], r.zip(w.Version)
		v := w.judge(s, zip)
		if v == whole {
			p.Present++
			continue
		}
		if v == broken && s.Deviation != "" {
			p.known.Warn("the tree of module %s is not what its hash says and is replaced; %s",
				w.Version, s.Deviation)
		}
		p.Fetch = append(p.Fetch, Fetch{Wanted: w, Zip: zip, Replace: v == broken})
	}
	p.known.Counts.Present = p.Present
	// The largest first: otherwise everything else would wait for them at the end.
	slices.SortStableFunc(p.Fetch, func(a, b Fetch) int { return cmp.Compare(b.stored(), a.stored()) })
	return p
}

// Summary implements install.Planned.
func (p Jobs) Summary() install.Summary {
	s := install.Summary{Known: p.known}
	for _, f := range p.Fetch {
		if !f.Listed {
			s.Unlisted++
			continue
		}
		s.Fetch++
		s.Stored += f.stored()
		s.Bytes += f.Bytes
		s.Files += int64(f.Files)
	}
	return s
}

// compareLimit is how many modules are measured at once, which is mostly waiting for the disk.
const compareLimit = 8

// Compare looks at all versions that are wanted. A broken tree is read completely, to tell which of
// its files will go: somebody who put one there may miss it.
func (r Rules) Compare(ctx context.Context, c *modcache.Cache, m *snapshot.Manifest) (map[module.Version]State, error) {
	list, _ := r.Wanted(m)
	states := make([]State, len(list))
	err := install.Each(ctx, len(list), compareLimit, func(i int) { states[i] = r.look(ctx, c, list[i]) })
	if err != nil {
		return nil, err
	}
	here := make(map[module.Version]State, len(list))
	for i, w := range list {
		here[w.Version] = states[i]
	}
	return here, nil
}

// look describes one version, and measures it if it may be whole.
func (r Rules) look(ctx context.Context, c *modcache.Cache, w Wanted) State {
	m := c.Stat(w.Version)
	s := State{Complete: m.State == modcache.Complete, Sum: m.Sum, HasZip: m.HasZip}
	if !s.Complete || s.Sum != w.Sum || w.Bytes == 0 {
		return s
	}
	var err error
	if _, s.Bytes, err = c.Measure(w.Version); err != nil {
		s.Bytes = -1
	}
	if w.judge(s, false) != broken {
		return s
	}
	if d, err := c.Deviation(ctx, w.Version, w.Sum); err == nil && len(d.Extra)+len(d.Changed) > 0 {
		s.Deviation = d.String()
	}
	return s
}
