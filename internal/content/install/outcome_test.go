package install

import (
	"context"
	"errors"
	"reflect"
	"sync/atomic"
	"testing"

	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

func TestWithoutName(t *testing.T) {
	const object = "v2/modules/x"
	for reason, want := range map[string]string{
		"object v2/modules/x: object not found":           "object: object not found",
		"read v2/modules/x in bucket b: object not found": "read in bucket b: object not found",
		"v2/modules/x: truncated":                         "truncated",
		"object has 5 bytes, not 6":                       "object has 5 bytes, not 6",
	} {
		if got := withoutName(reason, object); got != want {
			t.Errorf("%q: %q, want %q", reason, got, want)
		}
	}
}

// TestOutcome: the outcomes of several jobs are added up, in their order.
func TestOutcome(t *testing.T) {
	var a, b Outcome
	a.Counts = Counts{Restored: 1, Present: 2, Missing: 3, Refused: 4}
	a.Warn("one\nline %d", 1)
	a.Damage("x", 7, "x: frame hash", KindRefused)
	b.Lose(2, KindMissing)
	b.Lose(1, KindDisk)
	b.Lose(1, KindLocked)
	b.Lose(1, KindRefused)
	b.Damage("x", -1, "not found", KindMissing)
	b.Mend("y", -1, "sum", KindRefused)
	b.Name("bad\x1bname", "why\n", KindDisk)
	total := a
	total.Add(b)
	want := Outcome{
		Counts: Counts{Restored: 1, Present: 2, Missing: 5, Refused: 5, Unwritten: 2},
		Losses: []Loss{
			{"x, frame 7", "frame hash", KindRefused}, {"x", "not found", KindMissing}, total.Losses[2],
		},
		Damages:  []jobstate.Damage{{Object: "x", Frame: 7, Reason: "x: frame hash", Kind: KindRefused}, {Object: "x", Frame: -1, Reason: "not found", Kind: KindMissing}, {Object: "y", Frame: -1, Reason: "sum", Kind: KindRefused}},
		Lost:     map[string]string{"x": KindMissing},
		Warnings: total.Warnings,
	}
	if !reflect.DeepEqual(total, want) {
		t.Errorf("got  %+v\nwant %+v", total, want)
	}
	for _, text := range []string{total.Losses[2].What, total.Losses[2].Reason, total.Warnings[0]} {
		for _, r := range text {
			if r < ' ' {
				t.Errorf("%q is not one line of text", text)
			}
		}
	}
}

func TestKindOf(t *testing.T) {
	if KindOf(store.ErrNotFound) != KindMissing || KindOf(snapshot.ErrCorrupt) != KindRefused {
		t.Error("a missing object is not distinguished from a damaged one")
	}
}

// TestEach: each function is called once, no more than the limit at a time, and none after the
// context has ended.
func TestEach(t *testing.T) {
	const n, limit = 1000, 4
	var calls [n]atomic.Int32
	var now, most atomic.Int32
	err := Each(t.Context(), n, limit, func(i int) {
		if k := now.Add(1); k > most.Load() {
			most.Store(k)
		}
		calls[i].Add(1)
		now.Add(-1)
	})
	if err != nil || most.Load() > limit {
		t.Errorf("%d at once, %v", most.Load(), err)
	}
	for i := range calls {
		if calls[i].Load() != 1 {
			t.Fatalf("%d is called %d times", i, calls[i].Load())
		}
	}
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	var after atomic.Int32
	err = Each(ctx, n, limit, func(int) {
		cancel(reason)
		after.Add(1)
	})
	if !errors.Is(err, reason) || !store.IsFailure(err) || after.Load() > limit {
		t.Errorf("%d calls after the end, %v", after.Load(), err)
	}
	if err := Each(t.Context(), 0, limit, func(int) { t.Error("called") }); err != nil {
		t.Error(err)
	}
}

// planless is a kind with nothing to plan.
type planless struct{ err error }

type nothing struct{ here string }

func (p planless) Name() string { return "none" }
func (p planless) Compare(context.Context, *snapshot.Manifest) (string, error) {
	return "here", p.err
}
func (p planless) Plan(_ *snapshot.Manifest, here string) nothing { return nothing{here} }
func (p planless) Begin(_ context.Context, _ *Env, n nothing) ([]Job, Outcome) {
	return nil, Outcome{Warnings: []string{n.here}}
}
func (n nothing) Summary() Summary { return Summary{Fetch: len(n.here)} }

// TestBind: the result of Compare is passed to Plan, and the plan to Begin.
func TestBind(t *testing.T) {
	p, err := Bind(planless{})(t.Context(), new(snapshot.Manifest))
	if err != nil || p.Name != "none" || p.Fetch != 4 {
		t.Errorf("%+v, %v", p, err)
	}
	if _, out := p.Begin(t.Context(), nil); len(out.Warnings) != 1 || out.Warnings[0] != "here" {
		t.Errorf("%+v", out)
	}
	broken := errors.New("disk")
	if _, err := Bind(planless{broken})(t.Context(), nil); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}
