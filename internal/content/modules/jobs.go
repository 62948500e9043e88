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

// State is what is here of a version that is wanted.
type State struct {
	Complete bool   // for the go command, which looks no further
	Sum      string // as the go command recorded it
	HasZip   bool
	// Bytes is the size of the tree, -1 if it cannot be measured. It is known only where the
	// manifest has something to compare it with.
	Bytes int64
	// Deviation says of a broken tree which files are not what they should be; "" if that is not
	// known.
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
	Replace bool // what is here looks complete and is not
}

// verdict is what a State means for what is wanted.
type verdict int

const (
	absent verdict = iota // or not complete, for the go command either
	broken                // complete for the go command, and not what it should be
	whole
)

// judge compares what is here with what is wanted. Where the manifest knows the size of the tree, a
// tree of another size is broken.
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

// Plan lists what is wanted and not here. Versions that here does not have are absent.
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
			p.known.Warn("the tree of module %s is not what its hash says and is replaced; %s", w.Version, s.Deviation)
		}
		p.Fetch = append(p.Fetch, Fetch{Wanted: w, Zip: zip, Replace: v == broken})
	}
	p.known.Counts.Present = p.Present
	// The largest first: they would otherwise be what everyone waits for at the end.
	slices.SortStableFunc(p.Fetch, func(a, b Fetch) int { return cmp.Compare(b.Size, a.Size) })
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
		s.Stored += f.Size
		s.Bytes += f.Bytes
	}
	return s
}

// compareLimit is how many modules are measured at once: that is mostly waiting for the disk.
const compareLimit = 8

// Compare looks at all versions that are wanted. A broken tree is read, to say what of it goes: a
// file that somebody put there may be missed.
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

// look measures only what can be whole.
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
