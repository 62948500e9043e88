package restore

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store"
)

// TestOutOfTime: objects that did not arrive in time do not count as damaged, whatever cause the
// context has, so that the save of the same job relies on them.
func TestOutOfTime(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"/packs/", "modules/"} {
		limit := 100 * time.Millisecond
		for ; !outOfTime(t, kind, limit); limit *= 4 { // the time was up before anything was read
			if limit > time.Minute {
				t.Fatalf("%s: not opened within %v", kind, limit)
			}
		}
	}
}

// outOfTime reports whether an object of a kind was being read when the time was up.
func outOfTime(t *testing.T, kind string, limit time.Duration) (opened bool) {
	t.Helper()
	w := full(t)
	own := errors.New("enough")
	ctx, cancel := context.WithTimeoutCause(t.Context(), limit, own)
	defer cancel()
	w.store.OnOpen = func(reading context.Context, name string, body []byte) ([]byte, error) {
		if strings.Contains(name, kind) {
			opened = true
			<-reading.Done() // as if waiting for memory when the time runs out
		}
		return body, nil
	}
	o := w.options()
	o.Concurrency = 1
	if kind == "modules/" {
		o.BuildDir, o.Paths = "", nil
	}
	res, err := Run(ctx, o)
	if !errors.Is(err, own) || opened && !(store.IsFailure(err) && res.State.Unreachable) {
		t.Errorf("%s: opened %t, %v, unreachable %t", kind, opened, err, res.State.Unreachable)
	}
	if len(res.State.Damaged)+len(res.Losses) != 0 || res.Modules.Refused+res.Build.Refused != 0 {
		t.Errorf("%s: %+v, %+v, %+v", kind, res.State.Damaged, res.Losses, res.Modules)
	}
	return opened
}

// TestUnreadPacks: packs that were not read, because the store or a cache had failed before, do not
// count as restored.
func TestUnreadPacks(t *testing.T) {
	for name, c := range map[string]struct {
		change func(w world)
		want   Counts
	}{
		"nothing fails": {func(world) {}, Counts{Restored: 3}},
		"a cache that is a file": {func(w world) {
			if err := os.WriteFile(filepath.Join(w.root, "build"), nil, 0o666); err != nil {
				t.Fatal(err)
			}
		}, Counts{Restored: 2}},
		"a path that is a file": {func(w world) {
			if err := os.WriteFile(filepath.Join(w.root, "lint"), nil, 0o666); err != nil {
				t.Fatal(err)
			}
		}, Counts{Restored: 2}},
		"an outage": {func(w world) {
			w.store.OnOpen = func(_ context.Context, name string, body []byte) ([]byte, error) {
				if strings.Contains(name, "/packs/") {
					return nil, store.ErrUnreachable
				}
				return body, nil
			}
		}, Counts{}},
	} {
		w := full(t)
		c.change(w)
		if res, _ := Run(t.Context(), w.options()); res.Packs != c.want {
			t.Errorf("%s: %+v, want %+v", name, res.Packs, c.want)
		}
	}
}
