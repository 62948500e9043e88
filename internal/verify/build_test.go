package verify

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/digest"
)

// TestBuildFaults makes real faults in a build cache.
func TestBuildFaults(t *testing.T) {
	t.Parallel()
	const first = "the first output"
	for name, c := range map[string]struct {
		spoil    func(w *world)
		want     []string // after Fix and Recheck
		evidence string
		noOutput int64
		gone     []string // without "-a" or "-d" of the first entry
	}{
		"bytes of the same size": {
			spoil: func(w *world) { w.write(w.outputFile(first), strings.ToUpper(first)) },
			want:  []string{"fail output removed"}, evidence: "as 1 entry says", gone: []string{"a", "d"},
		},
		"cut off": {
			spoil: func(w *world) { w.write(w.outputFile(first), first[1:]) },
			want:  []string{"warn entry", "warn output"}, evidence: "has 15 bytes, want 16",
		},
		"gone, as when the go command trims": {
			spoil:    func(w *world) { must(w.t, os.Remove(w.outputFile(first))) },
			noOutput: 1,
		},
		"an output that no entry names": {
			spoil: func(w *world) {
				must(w.t, os.Remove(w.actionFile(1)))
				w.write(w.outputFile(first), strings.ToUpper(first))
			},
			want: []string{"warn output"}, evidence: "no entry",
		},
		"an entry that is none": {
			spoil: func(w *world) { w.write(w.actionFile(1), "v1 nonsense") },
			want:  []string{"warn entry"}, evidence: "11 bytes",
		},
		"a program": {
			spoil: func(w *world) {
				w.entry(3, "a program")
				must(w.t, os.Remove(w.outputFile("a program")))
				w.write(filepath.Join(w.outputFile("a program"), "tool"), "a program")
			},
		},
		"a program with other bytes": {
			spoil: func(w *world) {
				must(w.t, os.Remove(w.outputFile(first)))
				w.write(filepath.Join(w.outputFile(first), "tool"), strings.ToUpper(first))
			},
			want: []string{"fail output removed"}, evidence: "program tool", gone: []string{"a", "d"},
		},
		"a link to other bytes": {
			spoil: func(w *world) {
				other := filepath.Join(w.t.TempDir(), "other")
				w.write(other, strings.ToUpper(first))
				must(w.t, os.Remove(w.outputFile(first)))
				w.link(other, w.outputFile(first))
			},
			want: []string{"fail output removed"}, evidence: "it is a link", gone: []string{"a", "d"},
		},
		"a program that is a link": {
			spoil: func(w *world) {
				other := filepath.Join(w.t.TempDir(), "other")
				w.write(other, strings.ToUpper(first))
				must(w.t, os.Remove(w.outputFile(first)))
				must(w.t, os.Mkdir(w.outputFile(first), 0o755))
				w.link(other, filepath.Join(w.outputFile(first), "tool"))
			},
			want: []string{"fail output removed"}, evidence: "it is a link", gone: []string{"a", "d"},
		},
		"a link of another size": {
			spoil: func(w *world) {
				other := filepath.Join(w.t.TempDir(), "other")
				w.write(other, first[1:])
				must(w.t, os.Remove(w.outputFile(first)))
				w.link(other, w.outputFile(first))
			},
			want: []string{"warn output"}, evidence: "not a regular file", noOutput: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.o.ModDir = ""
			c.spoil(w)
			res := w.run()
			if res.NoOutput != c.noOutput || len(res.Faults) > 0 && !strings.Contains(res.Faults[0].Evidence, c.evidence) {
				t.Errorf("%d entries without outputs, %+v", res.NoOutput, res.Faults)
			}
			must(t, Fix(context.Background(), w.o, res))
			must(t, Recheck(context.Background(), w.o, res))
			if got := faults(res); !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
			if exists(w.actionFile(1)) && slices.Contains(c.gone, "a") || exists(w.outputFile(first)) && slices.Contains(c.gone, "d") {
				t.Error("it is still there")
			}
			if !exists(w.actionFile(2)) || !exists(w.outputFile(strings.Repeat("the second output", 50_000))) {
				t.Error("more was removed")
			}
		})
	}
}

// TestMendedMeanwhile: an output that is right again is not removed.
func TestMendedMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.o.ModDir = ""
	const first = "the first output"
	w.write(w.outputFile(first), strings.ToUpper(first))
	res := w.run()
	w.write(w.outputFile(first), first)
	must(t, Fix(context.Background(), w.o, res))
	if !exists(w.actionFile(1)) || !exists(w.outputFile(first)) || digest.Of([]byte(first)) != res.outputs[0].output.ID {
		t.Error("it was removed")
	}
}
