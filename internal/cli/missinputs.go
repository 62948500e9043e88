package cli

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/misses"
)

// inputs reads what tests looked at whose results are for other inputs than now. What cannot be
// read is left out: then the answer is less exact.
func (m *miss) inputs(f misses.Facts) map[string]misses.TestInputs {
	list := map[string]misses.TestInputs{}
	for pkg, state := range f.Tests.States {
		p := f.Packages[pkg]
		if state != misses.TestChanged || p.Module == nil || p.Module.GoMod == "" {
			continue
		}
		log, made, ok := m.testLog(f.Tests.Logs[pkg], p.Dir)
		if !ok {
			continue
		}
		in := misses.TestInputs{Variables: log.Variables}
		newer := newerFiles(log.Files, filepath.Dir(p.Module.GoMod), made)
		if changed := common(newer, f.Changes.Files); len(changed) > 0 {
			newer, in.Changed = changed, true
		}
		for _, file := range newer {
			in.Newer = append(in.Newer, m.shown(file))
		}
		list[pkg] = in
	}
	return list
}

// testLog reads a test log from the build cache. made is when the test ran that wrote it.
func (m *miss) testLog(id, dir string) (log misses.TestLog, made time.Time, ok bool) {
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
		log, err = misses.ParseTestLog(data, dir)
	}
	return log, time.Unix(0, e.Time), err == nil
}

// newerFiles are those of a module that were written after a time.
func newerFiles(files []string, module string, made time.Time) (newer []string) {
	for _, file := range files {
		if !misses.InModule(file, module) {
			continue
		}
		if st, err := os.Stat(file); err == nil && st.ModTime().After(made) {
			newer = append(newer, file)
		}
	}
	return newer
}

// common are the elements of a list that are in another one, too.
func common(list, others []string) (both []string) {
	for _, s := range list {
		if slices.Contains(others, s) {
			both = append(both, s)
		}
	}
	return both
}

// shown is a file as people know it: relative to the project, if it lies there.
func (m *miss) shown(file string) string {
	if misses.InModule(file, m.project.dir) {
		if rel, err := filepath.Rel(m.project.dir, file); err == nil {
			return filepath.ToSlash(rel)
		}
	}
	return file
}
