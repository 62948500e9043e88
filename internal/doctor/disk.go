package doctor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/quantity"
)

// Free space below which builds fail soon, or have failed already. A build of a large project takes
// some GB; shares of a disk would say nothing, as disks are of all sizes. Temporary files go at the
// end of each build, and often lie in memory.
const (
	leastBytes, fewBytes = 200 << 20, 2 << 30
	fewTemporary         = 512 << 20
	leastFiles, fewFiles = 2_000, 50_000
)

// A volume is what the system says of the file system under a directory.
type volume struct {
	id          string // the same for directories on one file system; "" if it is not known
	kind        string // such as ext4 or nfs; "" if it is not known
	network     bool
	remote      string // why it counts as one across a network, for people
	free, size  uint64 // bytes that this user can have
	files       uint64 // that can be created
	countsFiles bool   // whether there is such a bound
	noExec      bool   // no program can be started there
	readOnly    bool
}

// temporary is the name of the place where the go command builds.
const temporary = "temporary files"

// checkDisk: the disks under the caches have space.
func checkDisk(_ context.Context, f *Facts) []finding.Finding {
	places := append(f.places(), place{temporary, f.tempDir()})
	var found []finding.Finding
	names := map[string][]string{}
	volumes := map[string]volume{}
	var order []string
	for _, p := range places {
		v, err := f.volume(osfile.Existing(p.dir))
		if err != nil {
			found = append(found, unknown("the disk of %s, %s: %v", p.name, p.dir, err))
			continue
		}
		id := v.id
		if id == "" {
			id = p.dir
		}
		if !slices.Contains(order, id) {
			order = append(order, id)
		}
		volumes[id] = v
		names[id] = append(names[id], p.name)
	}
	for _, id := range order {
		few, remedy := uint64(fewBytes), trimmed(names[id], volumes[id])
		if len(names[id]) == 1 && names[id][0] == temporary {
			few, remedy = fewTemporary, finding.Advise("remove what is in "+f.tempDir()+", or name a directory on another disk: go env -w GOTMPDIR=DIR")
		}
		found = append(found, judgeSpace(strings.Join(names[id], ", "), volumes[id], few, remedy)...)
	}
	return found
}

// trimmed is the command that makes room on a disk: what is left of the caches on it takes at most
// a quarter of the disk.
func trimmed(names []string, v volume) finding.Remedy {
	const most = 5 << 30
	bound := fmt.Sprintf("%dMiB", max(1, min(v.size/4, most)>>20))
	switch modules, build := slices.Contains(names, "GOMODCACHE"), slices.Contains(names, "GOCACHE"); {
	case modules && !build:
		bound = "modules=" + bound
	case build && !modules:
		bound = "build=" + bound
	}
	return finding.Run("gocache trim --max-age 7d --max-size " + bound)
}

// judgeSpace says whether a disk has enough.
func judgeSpace(names string, v volume, few uint64, remedy finding.Remedy) (found []finding.Finding) {
	free := quantity.Bytes(int64(v.free))
	switch {
	case v.size == 0:
		return []finding.Finding{unknown("the system does not tell how much space there is for %s", names)}
	case v.free < leastBytes:
		found = append(found, finding.Failf(remedy, "%s free of %s for %s", free, quantity.Bytes(int64(v.size)), names))
	case v.free < few:
		found = append(found, finding.Warnf(remedy, "%s free of %s for %s", free, quantity.Bytes(int64(v.size)), names))
	}
	switch {
	case v.countsFiles && v.files < leastFiles:
		found = append(found, finding.Failf(remedy, "%d more files (inodes) can be created for %s", v.files, names))
	case v.countsFiles && v.files < fewFiles:
		found = append(found, finding.Warnf(remedy, "%d more files (inodes) can be created for %s", v.files, names))
	}
	text := fmt.Sprintf("%s free of %s for %s", free, quantity.Bytes(int64(v.size)), names)
	if v.countsFiles {
		text += fmt.Sprintf("; %s more files (inodes)", quantity.Count(int64(min(v.files, 1<<62))))
	}
	return or(found, finding.Okf("%s", text))
}

// How long it may take to look a file up that was looked up before. A disk answers in microseconds.
const (
	slowLookup = 3 * time.Millisecond
	lookups    = 200
)

// checkFileSystem: the caches lie on a file system of this machine that is fast.
func checkFileSystem(ctx context.Context, f *Facts) (found []finding.Finding) {
	for _, p := range f.places() {
		dir := osfile.Existing(p.dir)
		v, err := f.volume(dir)
		remedy := f.elsewhere(p.name).With("gocache restore fills it")
		took, known := lookupTime(ctx, p.dir)
		switch {
		case err != nil:
			found = append(found, unknown("the file system of %s, %s: %v", p.name, p.dir, err))
		case v.network:
			found = append(found, finding.Warnf(remedy, "%s, %s, is on %s: each build looks up thousands of files, and locks may not work", p.name, p.dir, v.remote))
		case known && took > slowLookup:
			found = append(found, finding.Warnf(remedy, "%s, %s, is slow: looking up a file takes %v (%s)", p.name, p.dir, took.Round(10*time.Microsecond), kindText(v)))
		case known:
			found = append(found, finding.Okf("%s is on %s, %v to look up a file", p.name, kindText(v), max(took.Round(time.Microsecond), time.Microsecond)))
		default:
			found = append(found, finding.Okf("%s is on %s", p.name, kindText(v)))
		}
	}
	return found
}

func kindText(v volume) string {
	if v.kind == "" {
		return "a file system of unknown kind"
	}
	return v.kind
}

// lookupTime is the median time to look up files that have been looked up once.
func lookupTime(ctx context.Context, dir string) (median time.Duration, known bool) {
	var files []string
	for _, pattern := range []string{"*", filepath.Join("0?", "*"), filepath.Join("cache", "download", "*", "*")} {
		list, _ := filepath.Glob(filepath.Join(dir, pattern))
		files = append(files, list[:min(len(list), lookups)]...)
	}
	files = files[:min(len(files), lookups)]
	if len(files) < 10 {
		return 0, false
	}
	var took []time.Duration
	for round := range 2 {
		for _, file := range files {
			start := time.Now()
			os.Lstat(file)
			if round > 0 {
				took = append(took, time.Since(start))
			}
			if ctx.Err() != nil {
				return time.Since(start), true
			}
		}
	}
	slices.Sort(took)
	return took[len(took)/2], true
}

// checkTemp: what is built for go test and go run can be started.
func checkTemp(_ context.Context, f *Facts) []finding.Finding {
	dir, name := f.tempDir(), "the directory for temporary files"
	remedy := finding.Advise("name a directory of yours: go env -w GOTMPDIR=DIR")
	if goTmpDir(f) != "" {
		name, remedy = "GOTMPDIR", f.unset("GOTMPDIR").With("or name a directory of yours")
	}
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		return []finding.Finding{finding.Failf(remedy, "%s, %s, is no directory: go build needs it", name, dir)}
	}
	v, err := f.volume(dir)
	switch writes, known := mayWrite(dir); {
	case known && !writes:
		return []finding.Finding{finding.Failf(remedy, "%s, %s, cannot be written to", name, dir)}
	case err == nil && v.noExec:
		return []finding.Finding{finding.Failf(remedy, "%s, %s, is mounted with noexec: go test and go run cannot start what they build (permission denied)", name, dir)}
	}
	return []finding.Finding{finding.Okf("%s", dir)}
}
