package save

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/dir"
)

// tornRun is a run that can upload packs.
func tornRun(t *testing.T, st store.Store) *run {
	t.Helper()
	return &run{Options: Options{Store: st, Repo: "r", Scope: "main", Meter: new(report.Meter)}}
}

// writing makes a pack of one file. size says how many of its 1000 bytes are there in which pass,
// from 1 on.
func writing(size func(pass int) int) func(*snapshot.Writer) (built, error) {
	pass := 0
	return func(w *snapshot.Writer) (built, error) {
		pass++
		in := bytes.NewReader(bytes.Repeat([]byte("x"), size(pass)))
		loc, err := addRead(w, snapshot.Member{Name: "00/x-d", Mode: 0o644, Size: 1000}, in)
		return built{pack: snapshot.Pack{Raw: 1000}, placed: []placed{{frame: int32(loc.Frame)}}}, err
	}
}

// TestTornWhileUploaded: a file that shrinks between the two passes over a large pack, each time,
// costs the pack, and what is not in the store is in no list.
func TestTornWhileUploaded(t *testing.T) {
	st, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		size  func(pass int) int
		whole bool
	}{
		"always": {func(pass int) int { return 1000 - (1-pass%2)*pass }, false},
		// the second pass alone
		"at first":   {func(pass int) int { return 1000 - max(0, 3-pass)*max(0, pass-1) }, true},
		"never":      {func(int) int { return 1000 }, true},
		"from start": {func(int) int { return 999 }, false},
	} {
		r := tornRun(t, st)
		write := writing(c.size)
		var b built
		err := r.untorn("a pack", func() (err error) {
			b, err = r.streamPack(t.Context(), write)
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := len(b.placed) > 0; got != c.whole {
			t.Errorf("%s: placed %v, want %v", name, got, c.whole)
		}
		if !c.whole && (b.pack.Size > 0 || len(r.tally.res.Warnings) != 1 || !strings.Contains(r.tally.res.Warnings[0], "a pack is not saved")) {
			t.Errorf("%s: %+v, warnings %q", name, b, r.tally.res.Warnings)
		}
		if c.whole {
			if _, err := st.Stat(context.Background(), b.pack.Object); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// cutStore fails each upload with what a connection says that ends early.
type cutStore struct{ store.Store }

func (cutStore) Put(_ context.Context, name string, body io.Reader, _ int64, _ store.Condition) (store.Info, error) {
	io.CopyN(io.Discard, body, 10)
	return store.Info{}, fmt.Errorf("put %s: %w: %w", name, store.ErrUnreachable, io.ErrUnexpectedEOF)
}

// TestCutIsNotTorn: an upload that ends early is a failure of the store, and is not taken for one
// of the files.
func TestCutIsNotTorn(t *testing.T) {
	r := tornRun(t, cutStore{})
	tries := 0
	err := r.untorn("a pack", func() error {
		tries++
		b, err := r.streamPack(t.Context(), writing(func(int) int { return 1000 }))
		if len(b.placed) > 0 || b.pack.Size > 0 {
			t.Errorf("beside %v: %+v", err, b)
		}
		return err
	})
	if !errors.Is(err, store.ErrUnreachable) || tries != 1 {
		t.Errorf("%d tries, %v", tries, err)
	}
}
