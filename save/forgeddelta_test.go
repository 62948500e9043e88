package save

import (
	"io"
	"path"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

var hex64 = strings.Repeat("0a", 32)

// forgeBase replaces the base that a stored delta names.
func forgeBase(base string) func(*testing.T, *upgrader, string, string) {
	return func(_ *testing.T, u *upgrader, _, delta string) {
		d := snapshot.Delta{Base: base, Files: 6, Bytes: 1, Runs: []snapshot.Run{{First: 0, Count: 1}}}
		u.mem.replace(delta, d.Append(nil), store.Condition{})
	}
}

// failing makes every read of an object fail.
func failing(object string, err error) func(op, name string, _ io.Reader) error {
	return func(op, name string, _ io.Reader) error {
		if op == "open" && name == object {
			return err
		}
		return nil
	}
}

// TestPlanBadDelta: a plan counts a module as stored if its delta and the base of that are there,
// and as one to upload whatever else lies under the name of the delta.
func TestPlanBadDelta(t *testing.T) {
	files := release(newFiles)
	for name, c := range map[string]struct {
		change func(t *testing.T, u *upgrader, base, delta string)
		stored int
	}{
		"good": {stored: 1},
		"its own base": {change: func(t *testing.T, u *upgrader, _, delta string) {
			forgeBase(newVersion+"/"+path.Base(strings.TrimSuffix(delta, "-delta")))(t, u, "", delta)
		}},
		"no name":   {change: forgeBase("v1 0/" + hex64)},
		"long name": {change: forgeBase("v1.0.0-" + strings.Repeat("a", 293) + "/" + hex64)},
		"replaced":  {change: func(_ *testing.T, u *upgrader, _, delta string) { u.mem.before = failing(delta, store.ErrConflict) }},
	} {
		u := newUpgrader()
		old, _ := u.save(t, oldVersion, release(oldFiles))
		delta := storedName(t, files) + "-delta"
		u.mem.replace(delta, storedDelta(t, files), store.Condition{})
		if c.change != nil {
			c.change(t, u, old.Object, delta)
		}
		res, err := Plan(t.Context(), u.options(t, newVersion, files))
		if err != nil || res.Modules.Stored != c.stored || res.Modules.Upload != 1-c.stored {
			t.Errorf("%s: %+v, %v", name, res, err)
		}
	}
}
