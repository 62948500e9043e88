package save

import (
	"slices"
	"time"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/snapshot"
)

// isChange reports whether publishing a plan would tell the next job anything that the snapshot
// which it would restore otherwise does not.
func (f facts) isChange(p planned) bool {
	old := sameKey(f.exact, f.stock, f.head.scope, f.head.key.Digest)
	return old == nil || f.joined || f.differs(p, old)
}

// differs is isChange for the stored snapshot that the plan would replace. What was packed anew is
// a change, and so is what was mended.
func (f facts) differs(p planned, old *snapshot.Manifest) bool {
	return hasMoved(p, old) || f.rules.isBefore(old) || !f.stock.IsSound() || differ(p.manifest, old)
}

// hasMoved reports whether anything of the packs that are to be packed anew lies elsewhere. What
// could not be read here stays, and would be a change with every save.
func hasMoved(p planned, old *snapshot.Manifest) bool {
	if len(p.rewrite) == 0 {
		return false
	}
	now, before := liveIn(p.manifest), liveIn(old)
	for object := range p.rewrite {
		if now[object] != before[object] {
			return true
		}
	}
	return false
}

// liveIn says how many bytes of each pack a manifest needs.
func liveIn(m *snapshot.Manifest) map[string]int64 {
	live := map[string]int64{}
	for i, n := range m.LiveBytes() {
		live[m.Packs[i].Object] = n
	}
	return live
}

// differ compares two manifests by what a job would find. The time inside an entry is no
// difference: the go command renews it when it repeats an action with the same outcome, as it does
// for `go run`.
func differ(a, old *snapshot.Manifest) bool {
	return !sameActions(a, old) || !sameTrees(a, old) || !samePaths(a.Paths, old.Paths) || !sameBuilds(a, old) ||
		!slices.EqualFunc(a.Modules, old.Modules, func(x, y snapshot.Module) bool {
			return x.Path == y.Path && x.Version == y.Version && x.Object == y.Object && !stale(x.LastUse, y.LastUse)
		})
}

func sameActions(a, old *snapshot.Manifest) bool {
	if len(a.Actions) != len(old.Actions) {
		return false
	}
	for i, x := range a.Actions {
		y := &old.Actions[i]
		if x.ID != y.ID || a.Outputs[x.Output].ID != old.Outputs[y.Output].ID || stale(x.LastUse, y.LastUse) {
			return false
		}
	}
	return true
}

func sameTrees(a, old *snapshot.Manifest) bool {
	return slices.EqualFunc(a.Trees, old.Trees, func(x, y snapshot.Tree) bool {
		return x.Name == y.Name && a.Packs[x.Pack].Object == old.Packs[y.Pack].Object
	})
}

func samePaths(a, old []snapshot.PathFiles) bool {
	return slices.EqualFunc(a, old, func(x, y snapshot.PathFiles) bool {
		return x.Name == y.Name && slices.EqualFunc(x.Files, y.Files, func(f, g snapshot.PathFile) bool {
			return f.Name == g.Name && f.Sum == g.Sum && f.Exec == g.Exec && !stale(f.LastUse, g.LastUse)
		})
	})
}

func sameBuilds(a, old *snapshot.Manifest) bool {
	if len(a.Builds) != len(old.Builds) {
		return false
	}
	used := map[string]int64{}
	for _, x := range old.Builds {
		used[x.String()] = x.LastUse
	}
	for _, x := range a.Builds {
		if last, ok := used[x.String()]; !ok || stale(x.LastUse, last) {
			return false
		}
	}
	return true
}

// sameKey is the stored snapshot of the same module files: exact, in the own scope, or else the one
// that was restored from another.
func sameKey(exact *snapshot.Manifest, stock *collect.Stock, scope, digest string) *snapshot.Manifest {
	if exact != nil {
		return exact
	}
	for _, m := range stock.Manifests() {
		if m.Digest == digest && m.Scope != scope {
			return m
		}
	}
	return nil
}

// stale reports whether a recorded use is too old; or too new, as one that a machine with a wrong
// clock has recorded.
func stale(now, recorded int64) bool {
	return (time.Duration(now-recorded) * time.Second).Abs() > refreshAfter
}

// hasActionsOf reports whether a manifest has every build entry of another.
func hasActionsOf(m, other *snapshot.Manifest) bool {
	for _, x := range other.Actions {
		if collect.FindAction(m, x.ID) == nil {
			return false
		}
	}
	return true
}

// includes reports whether a manifest has every entry and every module of another.
func includes(m, other *snapshot.Manifest) bool {
	if !hasActionsOf(m, other) {
		return false
	}
	for _, x := range other.Modules {
		if y := collect.FindModule(m, versionOf(x)); y == nil || y.Sum != x.Sum {
			return false
		}
	}
	return true
}
