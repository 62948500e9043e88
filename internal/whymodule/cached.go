package whymodule

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/lockfile"
	"github.com/org/gocache-action/internal/modcache"
)

// origin is what .info says about the repository.
type origin struct {
	Version string
	Time    time.Time
	Origin  struct{ Hash string }
}

// readCache lists the versions of a module in the module cache.
func readCache(modDir, path string) []Cached {
	escaped, err := module.EscapePath(path)
	if err != nil {
		return nil
	}
	dir := filepath.Join(modDir, "cache", "download", filepath.FromSlash(escaped), "@v")
	files, _ := os.ReadDir(dir)
	var list []Cached
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), ".info")
		if !ok {
			continue
		}
		version, err := module.UnescapeVersion(name)
		if err != nil {
			continue
		}
		list = append(list, readCached(modDir, module.Version{Path: path, Version: version}, filepath.Join(dir, name)))
	}
	slices.SortFunc(list, func(a, b Cached) int { return semver.Compare(a.Version, b.Version) })
	return list
}

// readCached describes one version; base is what the names of its files have in common.
func readCached(modDir string, v module.Version, base string) Cached {
	c := Cached{Version: v.Version}
	var info origin
	if data, err := os.ReadFile(base + ".info"); err == nil && json.Unmarshal(data, &info) == nil {
		c.Time, c.Commit = info.Time, info.Origin.Hash
	}
	if st, err := os.Stat(base + ".info"); err == nil {
		c.Fetched = st.ModTime()
	}
	if hash, err := os.ReadFile(base + ".ziphash"); err == nil {
		c.Hash = strings.TrimSpace(string(hash))
	}
	if tree, err := modcache.TreeName(v); err == nil {
		st, err := os.Stat(filepath.Join(modDir, filepath.FromSlash(tree)))
		c.Tree = err == nil && st.IsDir()
	}
	c.Locked, _ = lockfile.Held(base + ".lock") // no file, or nobody can tell: not known to be
	c.Removal = removal(runtime.GOOS, modcache.Open(modDir, modcache.Options{}).Removal(v), base, c.Tree)
	return c
}

// removal is the command that removes a version from the module cache, so that the go command
// downloads it again: its tree, by that command, and what was downloaded.
func removal(goos, tree, base string, hasTree bool) string {
	downloads := "rm -f " + finding.Word(base+".") + "*"
	if goos == "windows" {
		downloads = `cmd /c del /q "` + base + `.*"`
	}
	if !hasTree {
		return downloads
	}
	return tree + " && " + downloads
}
