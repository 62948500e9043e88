package modcache

import (
	"archive/zip"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/osfile"
	"golang.org/x/mod/module"
)

// A Deviation lists the files in which a tree differs from what its hash stands for. Names are
// relative to the tree, with slashes.
type Deviation struct {
	Extra, Changed, Missing []string
	// Latest are the files that were written last, if it is not known which ones differ.
	Latest []string
}

// shownDeviating is how many names of a kind are shown, and latest how many of Latest there are.
const (
	shownDeviating = 3
	latest         = 3
)

// String lists the files for people. It is "" if there are none.
func (d Deviation) String() string {
	var parts []string
	add := func(what string, names []string) {
		if len(names) == 0 {
			return
		}
		text := strings.Join(names[:min(len(names), shownDeviating)], ", ")
		if more := len(names) - shownDeviating; more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		parts = append(parts, what+" "+text)
	}
	add("does not belong there:", d.Extra)
	add("changed:", d.Changed)
	add("missing:", d.Missing)
	add("written last:", d.Latest)
	return strings.Join(parts, "; ")
}

// member is a file of a local tree.
type member struct {
	name    string
	sum     [sha256.Size]byte
	written time.Time
}

// Deviation finds out why the tree of a version does not have the hash sum. If the zip is present
// and has that hash, the tree is compared with it. Otherwise Deviation tries whether the tree has
// the hash without some of its files: those that editors and other tools leave behind, and those
// that were written last. It reads all files of the tree.
func (c *Cache) Deviation(ctx context.Context, v module.Version, sum string) (Deviation, error) {
	p, err := locate(v)
	if err != nil {
		return Deviation{}, err
	}
	members, err := readMembers(ctx, c.layout, p)
	if err != nil {
		return Deviation{}, err
	}
	if want, ok := zipSums(ctx, c.path(p.base+".zip"), v, sum); ok {
		return compareMembers(members, want), ctx.Err()
	}
	if extra := extraMembers(ctx, p, members, sum); extra != nil {
		return Deviation{Extra: extra}, nil
	}
	return Deviation{Latest: latestMembers(members)}, ctx.Err()
}

// readMembers reads the files of a tree, those written last first.
func readMembers(ctx context.Context, l layout, p place) ([]member, error) {
	var list []member
	var failed error
	err := l.walk(p, func(f File) {
		if failed = cmp.Or(failed, ctx.Err()); failed != nil {
			return
		}
		m := member{name: strings.TrimPrefix(f.Name, p.tree+"/")}
		if m.sum, m.written, failed = readMember(l.path(f.Name)); failed == nil {
			list = append(list, m)
		}
	})
	slices.SortStableFunc(list, func(a, b member) int { return cmp.Or(b.written.Compare(a.written), strings.Compare(a.name, b.name)) })
	return list, cmp.Or(err, failed)
}

func readMember(path string) (sum [sha256.Size]byte, written time.Time, err error) {
	f, err := osfile.OpenQuietly(path)
	if err != nil {
		return sum, written, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return sum, written, err
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return sum, written, err
	}
	h.Sum(sum[:0])
	return sum, st.ModTime(), nil
}

// zipSums hashes the files of the zip in file. ok is false if there is no zip of v with this hash.
func zipSums(ctx context.Context, file string, v module.Version, sum string) (sums map[string][sha256.Size]byte, ok bool) {
	z, err := zip.OpenReader(file)
	if err != nil {
		return nil, false
	}
	defer z.Close()
	var tree TreeHash
	sums = map[string][sha256.Size]byte{}
	prefix := v.Path + "@" + v.Version + "/"
	err = eachInZip(ctx, z, v, func(name string, s [sha256.Size]byte, _ int64) {
		sums[strings.TrimPrefix(name, prefix)] = s
		tree.Add(name, s)
	})
	return sums, err == nil && tree.Sum() == sum
}

func sumOf(f *zip.File) (sum [sha256.Size]byte, err error) {
	r, err := f.Open()
	if err != nil {
		return sum, err
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(r, MaxTreeSize)); err != nil {
		return sum, err
	}
	h.Sum(sum[:0])
	return sum, nil
}

func compareMembers(here []member, want map[string][sha256.Size]byte) (d Deviation) {
	seen := map[string]bool{}
	for _, m := range here {
		seen[m.name] = true
		switch sum, ok := want[m.name]; {
		case !ok:
			d.Extra = append(d.Extra, m.name)
		case sum != m.sum:
			d.Changed = append(d.Changed, m.name)
		}
	}
	for name := range want {
		if !seen[name] {
			d.Missing = append(d.Missing, name)
		}
	}
	for _, list := range [][]string{d.Extra, d.Changed, d.Missing} {
		slices.Sort(list)
	}
	return d
}

// maxTries bounds how many sets of files extraMembers tries to leave out. For a million files, each
// try takes about a second.
const maxTries = 128

// extraMembers returns files without which the tree has the hash, or nil if no guess is right.
// members are sorted, those written last first.
func extraMembers(ctx context.Context, p place, members []member, sum string) []string {
	prefix := p.v.Path + "@" + p.v.Version + "/"
	right := func(without []member) bool {
		skip := make(map[string]bool, len(without))
		for _, m := range without {
			skip[m.name] = true
		}
		var tree TreeHash
		for _, m := range members {
			if !skip[m.name] {
				tree.Add(prefix+m.name, m.sum)
			}
		}
		return tree.Sum() == sum
	}
	var guesses [][]member
	if left := slices.DeleteFunc(slices.Clone(members), func(m member) bool { return !isLeftover(m.name) }); len(left) > 0 {
		guesses = append(guesses, left)
	}
	for n := 1; n <= min(len(members), maxTries/2); n++ {
		guesses = append(guesses, members[:n])
	}
	for n := 1; n < min(len(members), maxTries/2); n++ { // a copy can have an old time
		guesses = append(guesses, members[n:n+1])
	}
	for _, g := range guesses {
		if ctx.Err() == nil && right(g) {
			return namesOf(g)
		}
	}
	return nil
}

// isLeftover reports whether an editor, patch or a file manager gives its files names like this
// one.
func isLeftover(name string) bool {
	base := path.Base(name)
	for _, suffix := range []string{"~", ".orig", ".rej", ".bak", ".swp", ".swo", ".tmp"} {
		if strings.HasSuffix(base, suffix) {
			return true
		}
	}
	return base == ".DS_Store" || base == "Thumbs.db" || strings.HasPrefix(base, ".#") || strings.HasPrefix(base, "__debug_bin")
}

func latestMembers(members []member) []string { return namesOf(members[:min(len(members), latest)]) }

func namesOf(members []member) (names []string) {
	for _, m := range members {
		names = append(names, m.name)
	}
	slices.Sort(names)
	return names
}

// Removal returns the shell command that removes the tree of a version, so that the go command
// extracts or downloads it again.
func (c *Cache) Removal(v module.Version) string {
	p, err := locate(v)
	if err != nil {
		return "go clean -modcache"
	}
	dir, partial := c.path(p.tree), c.path(p.base+".partial")
	interrupted := exists(partial) // with that file, no tree counts
	if runtime.GOOS == "windows" {
		command := `cmd /c rmdir /s /q "` + dir + `"` // PowerShell has another rmdir
		if interrupted {
			command += `; cmd /c del /q "` + partial + `"`
		}
		return command
	}
	command := "chmod -R u+w " + word(dir) + " && rm -rf " + word(dir)
	if interrupted {
		command += " " + word(partial)
	}
	return command
}

// word is a path as a word of a shell. The "!" that stands for a capital letter is history
// expansion in interactive ones.
func word(path string) string {
	if strings.Trim(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._@-+~") != "" || strings.HasPrefix(path, "~") {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
