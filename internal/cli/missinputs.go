package cli

import (
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/goentry"
	"github.com/org/gocache-action/internal/misses"
)

// inputs finds out what tests looked at whose results are for other inputs than now. What cannot be
// read is left out: then the answer is less exact.
func (m *miss) inputs(f misses.Facts) map[string]misses.TestInputs {
	changed := map[string]bool{}
	for _, file := range f.Changes.Files {
		changed[file] = true
	}
	list := map[string]misses.TestInputs{}
	for pkg, state := range f.Tests.States {
		p := f.Packages[pkg]
		if state != misses.TestChanged || p.Module == nil || p.Module.Dir == "" {
			continue
		}
		log, made, ok := m.testLog(f.Tests.Logs[pkg], p.Dir)
		if !ok {
			continue
		}
		list[pkg] = m.inputsOf(log, testFiles{module: p.Module.Dir, made: made, changed: changed})
	}
	return list
}

// testLog reads a test log from the build cache. made is when the test had run that wrote it.
func (m *miss) testLog(id, dir string) (log goentry.TestLog, made time.Time, ok bool) {
	var action digest.ID
	if n, err := hex.Decode(action[:], []byte(id)); err != nil || n != len(action) {
		return log, made, false
	}
	e, file, ok := buildcache.Lookup(buildcache.Open(m.project.buildDir), action)
	if !ok {
		return log, made, false
	}
	data, err := os.ReadFile(file)
	if err == nil {
		log, err = goentry.ParseTestLog(data, dir)
	}
	return log, time.Unix(0, e.Time), err == nil
}

func (m *miss) inputsOf(log goentry.TestLog, l testFiles) misses.TestInputs {
	var in misses.TestInputs
	// The go command always looks at GODEBUG, which no log names.
	in.Variables = unique(append(log.Variables, "GODEBUG"))
	for _, name := range in.Variables {
		if slices.ContainsFunc(m.env, func(set string) bool { return len(set) > len(name) && set[:len(name)+1] == name+"=" }) {
			in.Asked = append(in.Asked, name)
		}
	}
	for _, x := range log.Lookups {
		l.add(x)
	}
	for _, file := range unique(l.isChanged) {
		in.Changed = append(in.Changed, m.shown(file))
	}
	for _, file := range unique(l.isNewer) {
		in.Newer = append(in.Newer, m.shown(file))
	}
	return in
}

// testFiles sorts the files that a test looked at.
type testFiles struct {
	module  string          // its root
	made    time.Time       // when the test had run
	changed map[string]bool // what differs from the commit of the snapshot

	isChanged, isNewer []string
}

// add adds what the go command hashes of a lookup (cmd/go/internal/test.hashOpen and hashStat).
func (l *testFiles) add(x goentry.Lookup) {
	if x.Op != "chdir" && !inDir(x.File, l.module) {
		return
	}
	l.file(x.File, os.Lstat)
	l.file(x.File, os.Stat)
	if x.Op != "open" {
		return
	}
	entries, _ := os.ReadDir(x.File) // none of a file
	for _, e := range entries {
		l.file(filepath.Join(x.File, e.Name()), os.Lstat)
	}
	for file := range l.changed { // those that are gone as well
		if filepath.Dir(file) == x.File {
			l.isChanged = append(l.isChanged, file)
		}
	}
}

func (l *testFiles) file(name string, stat func(string) (fs.FileInfo, error)) {
	if l.changed[name] {
		l.isChanged = append(l.isChanged, name)
	} else if st, err := stat(name); err == nil && st.ModTime().After(l.made) {
		l.isNewer = append(l.isNewer, name)
	}
}

// inDir reports whether a file lies in a directory, by its name or behind links, as
// cmd/go/internal/search.InDir does.
func inDir(file, dir string) bool {
	isIn := func(file, dir string) bool {
		rel, err := filepath.Rel(dir, file)
		return err == nil && filepath.IsLocal(rel)
	}
	if isIn(file, dir) {
		return true
	}
	realFile, fileErr := filepath.EvalSymlinks(file)
	realDir, dirErr := filepath.EvalSymlinks(dir)
	return fileErr == nil && isIn(realFile, dir) || dirErr == nil && (isIn(file, realDir) || fileErr == nil && isIn(realFile, realDir))
}

// unique sorts a list and keeps each element once.
func unique(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// shown is a file as people know it: relative to the project, if it lies there.
func (m *miss) shown(file string) string {
	if rel, err := filepath.Rel(m.project.dir, file); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	return file
}
