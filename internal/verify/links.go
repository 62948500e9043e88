package verify

import (
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/finding"
)

// linked is an output in whose place is a link. A scan takes that for broken, and the go command
// follows it: what it leads to can have any bytes at any time.
type linked struct {
	output  buildcache.Output
	actions []digest.ID // of the entries with the size that is found there
}

// links finds them among what a scan takes for broken, if an entry names them.
func (v *verifier) links(list []buildcache.Broken) map[digest.ID]*linked {
	found := map[digest.ID]*linked{}
	for _, b := range list {
		if id, kind := brokenID(b); kind == "-d" {
			if o, ok := v.follow(id); ok {
				found[id] = &linked{output: o}
			}
		}
	}
	if len(found) == 0 {
		return nil
	}
	for _, b := range list {
		id, _ := brokenID(b)
		if !b.NoOutput {
			continue
		}
		if e, _, ok := buildcache.Lookup(v.build, id); ok && found[e.Output] != nil && found[e.Output].output.Size == e.Size {
			found[e.Output].actions = append(found[e.Output].actions, id)
		}
	}
	return found
}

// brokenID is the ID in the name of a broken file, and how that ends: "-a", "-d", or "" for others.
func brokenID(b buildcache.Broken) (id digest.ID, kind string) {
	name := path.Base(b.Path)
	if len(name) < 2 {
		return id, ""
	}
	id, err := digest.Parse(name[:len(name)-2])
	if err != nil {
		return id, ""
	}
	return id, name[len(name)-2:]
}

// follow describes what the go command finds in the place of an output, if it gets there by a link.
func (v *verifier) follow(id digest.ID) (o buildcache.Output, ok bool) {
	file := v.outputFile(id)
	top, err := os.Lstat(file)
	if err != nil {
		return o, false
	}
	odd := !top.IsDir() && !top.Mode().IsRegular()
	st, err := os.Stat(file)
	if err == nil && st.IsDir() { // a program
		list, _ := os.ReadDir(file)
		if len(list) != 1 {
			return o, false
		}
		if o.Exec = list[0].Name(); !list[0].Type().IsRegular() {
			odd = true
		}
		st, err = os.Stat(filepath.Join(file, o.Exec))
	}
	if err != nil || !odd {
		return o, false
	}
	o.ID, o.Size = id, st.Size()
	return o, true
}

func (v *verifier) outputFile(id digest.ID) string {
	return filepath.Join(v.BuildDir, filepath.FromSlash(buildcache.OutputName(id)))
}

// isThere reports whether anything is in the place of an output.
func (v *verifier) isThere(o buildcache.Output) bool {
	_, err := os.Lstat(v.outputFile(o.ID))
	return err == nil
}

// countLinks counts links that the go command follows, and returns the paths of what it counted,
// and of the entries that name them.
func (v *verifier) countLinks(list []buildcache.Broken) map[string]bool {
	counted := map[string]bool{}
	for id, l := range v.links(list) {
		if len(l.actions) == 0 {
			continue
		}
		v.res.Checked[Output].Objects++
		v.res.Checked[Output].Wrong++
		v.res.add(Fault{
			Kind: Output, Name: id.String(), Status: finding.Fail,
			Evidence: fmt.Sprintf("%v, as %s", errOdd, say(len(l.actions))),
		})
		v.res.outputs = append(v.res.outputs, broken{l.output, l.actions})
		counted[buildcache.OutputName(id)] = true
		for _, a := range l.actions {
			counted[buildcache.ActionName(a)] = true
		}
	}
	return counted
}
