package cli

import (
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/goentry"
	"github.com/org/gocache-action/internal/misses"
	"github.com/org/gocache-action/internal/samedir"
)

// inputs finds out what those tests looked at that have results, but for other inputs than those of
// now. What cannot be read is left out: then the answer is less exact.
func (m *miss) inputs(f misses.Facts) map[string]misses.TestInputs {
	changed := byDir(f.Changes.Files)
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

// testLog reads a test log from the build cache. made is when the test that wrote it had run.
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
		if slices.ContainsFunc(m.env, func(set string) bool { return strings.HasPrefix(set, name+"=") }) {
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
	module  string              // its root
	made    time.Time           // when the test had run
	changed map[string][]string // what differs from the commit of the snapshot, by directory

	isChanged, isNewer []string
}

// add adds what the go command hashes for a lookup (cmd/go/internal/test.hashOpen and hashStat).
func (l *testFiles) add(x goentry.Lookup) {
	if _, ok := samedir.Within(x.File, l.module); x.Op != "chdir" && !ok {
		return
	}
	l.file(x.File, os.Lstat)
	l.file(x.File, os.Stat)
	if x.Op != "open" {
		return
	}
	entries, _ := os.ReadDir(x.File) // none for a file
	for _, e := range entries {
		l.file(filepath.Join(x.File, e.Name()), os.Lstat)
	}
	l.isChanged = append(l.isChanged, l.changed[x.File]...) // also those that are gone
}

func (l *testFiles) file(name string, stat func(string) (fs.FileInfo, error)) {
	if slices.Contains(l.changed[filepath.Dir(name)], name) {
		l.isChanged = append(l.isChanged, name)
	} else if st, err := stat(name); err == nil && st.ModTime().After(l.made) {
		l.isNewer = append(l.isNewer, name)
	}
}

// byDir sorts files by their directories.
func byDir(files []string) map[string][]string {
	dirs := map[string][]string{}
	for _, file := range files {
		dir := filepath.Dir(file)
		dirs[dir] = append(dirs[dir], file)
	}
	return dirs
}

// unique sorts a list and keeps each element once.
func unique(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// shown is a file as people know it: relative to the project, if it lies there.
func (m *miss) shown(file string) string {
	if rel, ok := samedir.Within(file, m.project.dir); ok {
		return rel
	}
	return file
}
