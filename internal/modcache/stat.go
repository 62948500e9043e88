package modcache

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// State says how much of a module version a cache has.
type State int

const (
	// Complete means that go build, test, vet and the like find what they need. "go mod download"
	// also needs HasZip and HasInfo, "go list -m -json" needs HasInfo.
	Complete State = iota
	// ModOnly means that there is no tree, but .mod or .info. Most versions in a module graph are
	// in this state.
	ModOnly
	// Broken means that no go command can use the files, or that the version is absent.
	Broken
)

func (s State) String() string {
	return [...]string{"complete", "go.mod only", "broken"}[s]
}

// Module describes one version in the cache.
type Module struct {
	Version module.Version
	State   State
	Problem string // why it is Broken
	Sum     string // the content of .ziphash, "h1:..."; empty when missing or invalid
	// HasZip, HasInfo and HasMod mean files that are not empty, HasTree a directory of any content.
	HasZip, HasInfo, HasMod, HasTree bool
	// OddTree and OddZip mean that something else is there: a link, which the go command follows to
	// what others can change, a pipe or a device.
	OddTree, OddZip bool
	// Partial means that the tree is being extracted, or that this was interrupted.
	Partial bool
}

// Stat describes one version, without reading its tree. A version that cannot be examined is
// Broken.
func (c *Cache) Stat(v module.Version) Module {
	m := Module{Version: v, State: Broken}
	p, err := locate(v)
	if err != nil {
		m.Problem = err.Error()
		return m
	}
	m.HasInfo = c.hasFile(p.base + ".info")
	m.HasMod = c.hasFile(p.base + ".mod")
	m.HasZip = c.hasFile(p.base + ".zip")
	sum, sumErr := readSum(c.path(p.base + ".ziphash"))
	m.Sum = sum
	tree, treeErr := os.Lstat(c.path(p.tree))
	m.HasTree = treeErr == nil && tree.IsDir()
	m.OddTree = treeErr == nil && isOdd(tree)
	zip, zipErr := os.Lstat(c.path(p.base + ".zip"))
	m.OddZip = zipErr == nil && isOdd(zip)
	m.Partial = exists(c.path(p.base + ".partial"))

	switch {
	case m.Partial:
		m.Problem = "extraction was interrupted"
	case treeErr == nil && !m.HasTree:
		m.Problem = "tree is not a directory"
	case treeErr != nil && !errors.Is(treeErr, fs.ErrNotExist):
		m.Problem = treeErr.Error()
	case sumErr != nil && (m.HasTree || !errors.Is(sumErr, fs.ErrNotExist)):
		m.Problem = sumErr.Error()
	case !m.HasZip && exists(c.path(p.base+".zip")):
		m.Problem = ".zip is empty" // "go mod verify" fails on it
	case m.HasTree && p.needsMod() && !m.HasMod:
		m.Problem = ".mod is missing"
	case m.HasTree:
		m.State = Complete
	case m.HasInfo || m.HasMod:
		m.State = ModOnly
	default:
		m.Problem = "tree is missing"
	}
	return m
}

func isOdd(st fs.FileInfo) bool { return !st.IsDir() && !st.Mode().IsRegular() }

// ZipTime is when the zip of a version was written; the zero time where there is none.
func (c *Cache) ZipTime(v module.Version) time.Time {
	p, err := locate(v)
	if err != nil {
		return time.Time{}
	}
	return modTime(c.path(p.base + ".zip"))
}

// readSum reads a .ziphash file. Without a zip, the go command ends with an error if it is invalid.
func readSum(file string) (string, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf(".ziphash is missing: %w", fs.ErrNotExist)
	}
	if err != nil {
		return "", err
	}
	if data = bytes.TrimSpace(data); !validSum(string(data)) {
		return "", errors.New(".ziphash is invalid")
	}
	return string(data), nil
}

// validSum reports whether s is an h1 hash.
func validSum(s string) bool {
	b64, ok := strings.CutPrefix(s, "h1:")
	sum, err := base64.StdEncoding.DecodeString(b64)
	return ok && err == nil && len(sum) == 32
}

// Scan lists the versions in the cache, sorted by path and version. A missing directory is empty.
// cache/vcs, list, lock and temporary files are ignored, golang.org/fips140 is left out, and names
// that do not belong to a module version are passed to Options.Skipped.
func (c *Cache) Scan(ctx context.Context) ([]Module, error) {
	s := scanner{c: c, ctx: ctx, found: map[module.Version]bool{}}
	err := s.downloads(downloadDir, "")
	if err == nil {
		err = s.trees("")
	}
	if err != nil {
		return nil, fmt.Errorf("scanning module cache: %w", err)
	}
	mods := make([]Module, 0, len(s.found))
	for v := range s.found {
		mods = append(mods, c.Stat(v))
	}
	slices.SortFunc(mods, func(a, b Module) int { return compare(a.Version, b.Version) })
	return mods, nil
}

func compare(a, b module.Version) int {
	if n := strings.Compare(a.Path, b.Path); n != 0 {
		return n
	}
	if n := semver.Compare(a.Version, b.Version); n != 0 {
		return n
	}
	return strings.Compare(a.Version, b.Version)
}

type scanner struct {
	c     *Cache
	ctx   context.Context
	found map[module.Version]bool
}

// list reads a directory relative to the cache; a missing one is empty.
func (s *scanner) list(name string) ([]fs.DirEntry, error) {
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	list, err := os.ReadDir(filepath.Join(s.c.dir, filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return list, s.c.o.unread(cmp.Or(name, "."), err)
}

// downloads walks cache/download; esc is the escaped module path reached so far.
func (s *scanner) downloads(dir, esc string) error {
	list, err := s.list(dir)
	for _, d := range list {
		sub := dir + "/" + d.Name()
		switch {
		case !d.IsDir() || sub == sumdbDir:
		case d.Name() == "@v":
			err = s.versions(sub, strings.TrimSuffix(esc, "/"))
		default:
			err = s.downloads(sub, esc+d.Name()+"/")
		}
		if err != nil {
			return err
		}
	}
	return err
}

// versions finds the versions of one module in its @v directory.
func (s *scanner) versions(dir, esc string) error {
	list, err := s.list(dir)
	for _, d := range list {
		dot := strings.LastIndexByte(d.Name(), '.')
		if dot < 0 {
			continue
		}
		switch d.Name()[dot:] {
		case ".info", ".mod", ".zip", ".ziphash", ".partial":
			s.add(dir+"/"+d.Name(), esc, d.Name()[:dot])
		}
	}
	return err
}

// trees finds the extracted trees, including those that have no file in cache/download. It does not
// read the trees themselves.
func (s *scanner) trees(dir string) error {
	list, err := s.list(dir)
	for _, d := range list {
		name := strings.TrimPrefix(dir+"/"+d.Name(), "/")
		if !d.IsDir() || name == "cache" {
			continue
		}
		if p, v, ok := strings.Cut(name, "@"); ok {
			s.add(name, p, v)
		} else if err := s.trees(name); err != nil {
			return err
		}
	}
	return err
}

func (s *scanner) add(name, escPath, escVersion string) {
	v, err := unescape(escPath, escVersion)
	if err != nil {
		if s.c.o.Skipped != nil {
			s.c.o.Skipped(name, err)
		}
		return
	}
	if v.Path != fips140Path {
		s.found[v] = true
	}
}
