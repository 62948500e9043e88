package cli

import (
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
)

// The memory of a command that nothing else bounds. The promise is that the whole process takes no
// more than 512 MB, so the garbage collector works towards defaultHeap; otherwise it would let the
// heap grow to twice what is in use.
const (
	defaultHeap = 400 << 20
	// smallPercent is GOGC where there is little memory: garbage may take up half as much as what
	// is in use. A limit alone would allow as much again, up to that limit.
	smallPercent = 50
)

// A memoryBudget says how much memory a command may use, in bytes.
type memoryBudget struct {
	heap int64 // what the collector works towards
	most int64 // what that can be raised to for the lists of very large caches
	// How much of the objects restore and save may hold in memory; 0: their own bounds, which keep
	// the promise.
	restore, save int64
	uploads       int // buffers for parts; 0: as many as measured best
}

// limitMemory finds out how much memory there is and tells the collector, unless the user has set
// GOMEMLIMIT.
func limitMemory() memoryBudget {
	b := budget(memoryLimit(os.DirFS("/")), debug.SetMemoryLimit(-1))
	debug.SetMemoryLimit(b.heap)
	if b.save != 0 && os.Getenv("GOGC") == "" {
		debug.SetGCPercent(smallPercent)
	}
	return b
}

// budget divides the memory. limit is that of the machine or the container, 0 for none; set is
// GOMEMLIMIT, math.MaxInt64 for none.
//
// Where the limit leaves less, 70 % of it is for the heap. The rest is for the program itself, for
// go commands, and for kernel buffers, which count towards the limit of a container too. GOMEMLIMIT
// is respected unless it leaves less than a tenth of the limit for all that. Of the heap, save may
// use half for its objects, because those that do not compress exist more than once while they
// grow; restore, which knows all sizes beforehand, may use four fifths.
func budget(limit, set int64) memoryBudget {
	usual := int64(defaultHeap)
	if limit > 0 {
		usual = min(usual, limit/10*7)
	}
	b := memoryBudget{heap: usual, most: math.MaxInt64}
	if limit > 0 {
		b.most = limit / 10 * 7
	}
	if set != math.MaxInt64 && (limit == 0 || set <= limit/10*9) {
		b.heap, b.most = set, set
	}
	if share := min(usual, set/10*7); share < defaultHeap {
		b.save, b.restore = share/2, share/5*4
		b.uploads = int(max(1, share/6/(8<<20)))
	}
	return b
}

// allowMore raises the target of the collector, as far as there is memory and the user has not set
// a limit. In tests, which have no budget, it does nothing.
func (b memoryBudget) allowMore(bytes int64) {
	if b.heap != 0 {
		debug.SetMemoryLimit(min(b.heap+bytes, b.most))
	}
}

// memoryLimit returns the lowest limit on the memory of this process, of its control groups and of
// the machine; 0 where neither is known, as on systems other than Linux. root is the root of the
// file system.
func memoryLimit(root fs.FS) int64 {
	return least(cgroupLimit(root), machineMemory(root))
}

// least returns the lower of two limits, either of which may be 0, for none.
func least(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// machineMemory returns the memory of the machine in bytes.
func machineMemory(root fs.FS) int64 {
	data, _ := fs.ReadFile(root, "proc/meminfo")
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemTotal:" && f[2] == "kB" {
			kb, _ := strconv.ParseInt(f[1], 10, 64)
			return kb << 10
		}
	}
	return 0
}

// cgroupLimit returns the lowest limit of the control groups around this process, version 1 and 2,
// in bytes. All groups up to the root count: the limit may be that of a parent, such as a systemd
// slice, which a library that reads only the process's own group (automemlimit) does not see. In a
// container the path may exist only on the host; the group of the container is then mounted as the
// root.
func cgroupLimit(root fs.FS) (limit int64) {
	data, _ := fs.ReadFile(root, "proc/self/cgroup")
	for line := range strings.Lines(string(data)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3) // hierarchy:controllers:path
		switch {
		case len(f) != 3:
		case f[1] == "": // version 2; beside version 1 it is mounted at "unified"
			for _, mount := range []string{"sys/fs/cgroup", "sys/fs/cgroup/unified"} {
				limit = least(limit, groupLimit(root, mount, f[2], "memory.max", "memory.high"))
			}
		case slices.Contains(strings.Split(f[1], ","), "memory"):
			limit = least(limit, groupLimit(root, "sys/fs/cgroup/memory", f[2], "memory.limit_in_bytes"))
		}
	}
	return limit
}

// groupLimit returns the lowest value of the given files in a group and its parents. "max", and the
// number near 2^63 that version 1 has instead, are no limits.
func groupLimit(root fs.FS, mount, group string, files ...string) (limit int64) {
	for dir := path.Clean("/" + group); ; dir = path.Dir(dir) {
		for _, file := range files {
			data, _ := fs.ReadFile(root, mount+path.Join(dir, file))
			if n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64); err == nil && n > 0 && n < 1<<62 {
				limit = least(limit, n)
			}
		}
		if dir == "/" {
			return limit
		}
	}
}
