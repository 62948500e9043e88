package keys

import (
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/mod/module"
)

// emptyGoModHash is the h1 of an empty go.mod. Old go commands wrote it into go.sum by mistake, for
// paths that are not modules. cmd/go (modfetch.readGoSum) drops such lines, and so does this
// package.
const emptyGoModHash = "h1:G7mAYYxgmS0lVkHyy2hEOLQCFB0DlQFTMLWggykrydY="

// sumTable merges checksum files and remembers the position of each line, so that it can name both
// of two lines that contradict each other.
type sumTable struct {
	Sums
	zipAt, modAt map[module.Version]string // "file:line"
}

func newSumTable() *sumTable {
	return &sumTable{
		Sums:  Sums{Zip: make(map[module.Version]string), Mod: make(map[module.Version]string)},
		zipAt: make(map[module.Version]string),
		modAt: make(map[module.Version]string),
	}
}

// add parses one go.sum or go.work.sum the way cmd/go does: fields are separated by any space,
// empty lines are skipped, and so are hashes of algorithms other than h1. A line that the go
// command would reject, or that contradicts an earlier one, is ignored: the other lines are still
// valid, and the go command may never read this file. Lines of vendored modules are checked but not
// entered.
func (t *sumTable) add(f File) (notes []string) {
	bad, first := 0, error(nil)
	n := 0
	for line := range strings.SplitSeq(string(f.Data), "\n") {
		n++
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		err := t.line(fields, f.Vendored)
		if err == nil {
			t.remember(fields, f, n)
			continue
		}
		if bad++; bad == 1 {
			first = fmt.Errorf("%s:%d: %w", f.Path, n, err)
		}
	}
	switch {
	case bad == 1:
		return []string{fmt.Sprintf("%v: the line is passed over", first)}
	case bad > 1:
		return []string{fmt.Sprintf("%v: the line and %d more of the file are passed over", first, bad-1)}
	}
	return nil
}

// line checks the three fields of a line and enters them.
func (t *sumTable) line(fields []string, vendored bool) error {
	if len(fields) != 3 {
		return fmt.Errorf("malformed line: wrong number of fields %d", len(fields))
	}
	mod, table, at := t.place(fields)
	hash := fields[2]
	if !strings.HasPrefix(hash, "h1:") || hash == emptyGoModHash {
		return nil
	}
	if sum, err := base64.StdEncoding.DecodeString(hash[len("h1:"):]); err != nil || len(sum) != 32 {
		return fmt.Errorf("%s@%s: %q is not an h1 checksum", mod.Path, mod.Version, hash)
	}
	if old, ok := table[mod]; ok && old != hash {
		return fmt.Errorf("checksum of %s@%s contradicts %s: %s here, %s there",
			mod.Path, fields[1], at[mod], hash, old)
	}
	// No one asks for an invalid module version, and it must not become an object name.
	if !vendored && module.Check(mod.Path, mod.Version) == nil {
		table[mod] = hash
	}
	return nil
}

// remember records the position of a line that was entered. The first one stays.
func (t *sumTable) remember(fields []string, f File, line int) {
	mod, table, at := t.place(fields)
	if _, known := at[mod]; !known && table[mod] != "" {
		at[mod] = fmt.Sprintf("%s:%d", f.Path, line)
	}
}

// place returns the one of the two tables to which a line belongs.
func (t *sumTable) place(fields []string) (module.Version, map[module.Version]string, map[module.Version]string) {
	version, isMod := strings.CutSuffix(fields[1], "/go.mod")
	mod := module.Version{Path: fields[0], Version: version}
	if isMod {
		return mod, t.Mod, t.modAt
	}
	return mod, t.Zip, t.zipAt
}
