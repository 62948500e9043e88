package modules

import (
	"slices"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/snapshot"
)

// Local is the module cache of this machine, and which of its versions are stored. It is a
// collect.Kind. The zero value is a cache that is not saved.
type Local struct {
	cache *modcache.Cache
	list  []localModule
}

// localModule is a complete module version, here or of a manifest. Its record has no Size before it
// is known to be stored.
type localModule struct {
	rec     snapshot.Module
	stored  bool
	private bool
	failed  bool // not fit to be stored
}

func (m *localModule) version() module.Version {
	return module.Version{Path: m.rec.Path, Version: m.rec.Version}
}

// Versions are those that are here.
func (l Local) Versions() map[module.Version]bool {
	here := make(map[module.Version]bool, len(l.list))
	for _, m := range l.list {
		here[m.version()] = true
	}
	return here
}

// With implements collect.Kind.
func (l Local) With(done []collect.Outcome) collect.Kind {
	ended := map[string]*collect.Outcome{}
	for i := range done {
		if done[i].Object != "" { // those of packs are no names of modules
			ended[done[i].Object] = &done[i]
		}
	}
	return l.with(func(m *localModule) {
		d := ended[m.rec.Object]
		switch {
		case d == nil:
		case d.Failed:
			m.failed = true
		default:
			m.rec.Size, m.rec.Base, m.stored = d.Size, d.Base, true
			m.rec.Object = d.Stored()[0]
		}
	})
}

// Without implements collect.Kind. What it forgets is not named at all: it is in the store, and may
// not stay there.
func (l Local) Without(gone func(object string) bool) collect.Kind {
	return l.with(func(m *localModule) {
		m.failed = m.failed || slices.ContainsFunc(m.rec.Objects(), gone)
	})
}

// with returns a Local with a changed copy of each module.
func (l Local) with(change func(*localModule)) Local {
	l.list = slices.Clone(l.list)
	for i := range l.list {
		change(&l.list[i])
	}
	return l
}
