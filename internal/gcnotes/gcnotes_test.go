package gcnotes

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/internal/snapshot"
)

func someUnnamed(n int) Unnamed {
	u := Unnamed{Running: []Collection{{"abc", time.Unix(1_800_000_000, 0).UTC()}}}
	for i := range n {
		u.Notes = append(u.Notes, Note{FingerprintOf(fmt.Sprint(i)), uint32(i)})
	}
	slices.SortFunc(u.Notes, func(a, b Note) int { return bytes.Compare(a.Object[:], b.Object[:]) })
	return u
}

func all(Fingerprint) bool { return true }

func TestUnnamed(t *testing.T) {
	for _, n := range []int{0, 1, 1000, 10_000} {
		u := someUnnamed(n)
		data, err := Encode(u.Running, slices.Values(u.Notes), n)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(bytes.NewReader(data), all)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&u, got); diff != "" {
			t.Fatal(diff)
		}
		one, err := Decode(bytes.NewReader(data), func(f Fingerprint) bool { return f == FingerprintOf("0") })
		if err != nil || len(one.Notes) != min(n, 1) {
			t.Errorf("asked for one of %d: %v, %v", n, one, err)
		}
	}
}

// TestUnnamedDamage flips, removes and adds bytes everywhere.
func TestUnnamedDamage(t *testing.T) {
	u := someUnnamed(20)
	data, err := Encode(u.Running, slices.Values(u.Notes), len(u.Notes))
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		bad := bytes.Clone(data)
		bad[i] ^= 1
		for what, b := range map[string][]byte{"flipped": bad, "cut": data[:i]} {
			if _, err := Decode(bytes.NewReader(b), all); !errors.Is(err, snapshot.ErrCorrupt) && !errors.Is(err, snapshot.ErrFormat) {
				t.Fatalf("%s at %d: %v", what, i, err)
			}
		}
	}
	if _, err := Decode(bytes.NewReader(append(bytes.Clone(data), 0)), all); !errors.Is(err, snapshot.ErrCorrupt) {
		t.Error(err)
	}
	later := strings.Replace(string(data), "unnamed 1", "unnamed 2", 1)
	if _, err := Decode(strings.NewReader(later), all); !errors.Is(err, snapshot.ErrFormat) {
		t.Error(err)
	}
}

// FuzzDecode reads the notes of a garbage collection, with a corrected hash.
func FuzzDecode(f *testing.F) {
	notes := []Note{{Object: Fingerprint{1}, Since: 5}, {Object: Fingerprint{2}, Since: 7}}
	data, err := Encode([]Collection{{ID: "a", Start: time.Unix(1_800_000_000, 0).UTC()}}, slices.Values(notes), len(notes))
	if err != nil {
		f.Fatal(err)
	}
	_, body, _ := bytes.Cut(data, []byte("\n\n"))
	f.Add([]byte("gocache-unnamed 1\n"), body)
	f.Add([]byte("gocache-unnamed 2\n"), body)
	f.Fuzz(func(t *testing.T, head, body []byte) {
		data := append(bytes.Clone(head), fmt.Appendf(nil, "sha256 %x\n\n", sha256.Sum256(body))...)
		data = append(data, body...)
		u, err := Decode(bytes.NewReader(data), all)
		if err != nil {
			if !errors.Is(err, snapshot.ErrCorrupt) && !errors.Is(err, snapshot.ErrFormat) {
				t.Errorf("neither accepted nor refused: %v", err)
			}
			return
		}
		again, err := Encode(u.Running, slices.Values(u.Notes), len(u.Notes))
		if err != nil {
			return // JSON does not support these times
		}
		back, err := Decode(bytes.NewReader(again), all)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(u.Notes, back.Notes); d != "" {
			t.Error(d)
		}
	})
}
