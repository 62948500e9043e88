package collecttest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/snapshot"
)

// Inventory is the build cache of the entry lines of a text, whose packs do not matter, without any
// files. Outputs were made in the order of their lines.
func Inventory(t testing.TB, text string) (inv *buildcache.Inventory, lastUse func(buildcache.Local) int64) {
	t.Helper()
	m := Manifest(t, text)
	inv = new(buildcache.Inventory)
	for _, a := range m.Actions {
		o := m.Outputs[a.Output]
		inv.Entries = append(inv.Entries, buildcache.Local{
			Entry:      buildcache.Entry{Action: a.ID, Output: o.ID, Size: o.Size, Time: a.Time},
			ActionTime: a.LastUse * int64(time.Second),
		})
	}
	for _, o := range m.Outputs {
		made := int64(strings.Index(text, " "+Name(o.ID)+" ")) * int64(time.Second)
		inv.Outputs = append(inv.Outputs, buildcache.Output{ID: o.ID, Size: o.Size, Time: made, Exec: o.Exec})
	}
	slices.SortFunc(inv.Outputs, func(a, b buildcache.Output) int { return slices.Compare(a.ID[:], b.ID[:]) })
	inv.Drop(nil) // makes its index
	return inv, func(e buildcache.Local) int64 { return e.ActionTime / int64(time.Second) }
}

// BuildEntry writes an entry with its output into a build cache, made and used at these times.
func BuildEntry(t testing.TB, dir, action, output string, made, used time.Time) digest.ID {
	t.Helper()
	c := buildcache.Open(dir)
	if err := c.Prepare(Now); err != nil {
		t.Fatal(err)
	}
	o := buildcache.Output{ID: digest.Of([]byte(output)), Size: int64(len(output)), Time: made.UnixNano()}
	w, err := c.CreateOutput(o, made)
	if err == nil {
		_, err = w.Write([]byte(output))
		err = errors.Join(err, w.Close())
	}
	if err != nil && !errors.Is(err, buildcache.ErrPresent) {
		t.Fatal(err)
	}
	id := digest.Of([]byte(action))
	if err := c.PutAction(buildcache.Entry{Action: id, Output: o.ID, Size: o.Size, Time: made.UnixNano()}, used); err != nil {
		t.Fatal(err)
	}
	return id
}

// Write writes a file, with all its directories.
func Write(t testing.TB, file, data string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(data), 0o666); err != nil {
		t.Fatal(err)
	}
}

// Used sets the time of the last write and read of a file.
func Used(t testing.TB, file string, at time.Time) {
	t.Helper()
	if err := os.Chtimes(file, at, at); err != nil {
		t.Fatal(err)
	}
}

// GoModule writes a module version into a module cache: its tree of these files, .mod, .info and
// .ziphash. It returns the h1 of the tree. Its path has lower-case letters only.
func GoModule(t testing.TB, dir string, v module.Version, files map[string]string) string {
	t.Helper()
	tree := filepath.Join(dir, filepath.FromSlash(v.Path)+"@"+v.Version)
	for name, data := range files {
		Write(t, filepath.Join(tree, filepath.FromSlash(name)), data)
	}
	sum, err := dirhash.HashDir(tree, v.String(), dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(dir, "cache", "download", filepath.FromSlash(v.Path), "@v", v.Version)
	Write(t, base+".ziphash", sum)
	Write(t, base+".mod", "module "+v.Path+"\n")
	Write(t, base+".info", fmt.Sprintf(`{"Version":%q}`, v.Version))
	return sum
}

// Warnings collects warnings. It belongs to one test.
type Warnings []string

// Warn is a collect.Warn.
func (w *Warnings) Warn(format string, args ...any) { *w = append(*w, fmt.Sprintf(format, args...)) }

// Mention reports whether exactly one warning was given, or none for "", and that it has a text.
func (w Warnings) Mention(text string) bool {
	if text == "" {
		return len(w) == 0
	}
	return len(w) == 1 && strings.Contains(w[0], text)
}

// Stock is that of manifests, given as texts, of which the packs named in gone are lost.
func Stock(t testing.TB, gone []string, texts ...string) *collect.Stock {
	t.Helper()
	var list []*snapshot.Manifest
	for _, s := range texts {
		list = append(list, Manifest(t, s))
	}
	bad := collect.Damage{}
	for _, name := range gone {
		bad.Mark(Pack(name), -1)
	}
	return collect.NewStock(list, bad)
}
