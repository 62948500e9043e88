package cli

import (
	"math"
	"testing"
	"testing/fstest"
)

// TestMemoryLimit reads what the kernel shows in different containers.
func TestMemoryLimit(t *testing.T) {
	const meminfo = "MemTotal:       16384000 kB\nMemFree:         1000 kB\n"
	for name, tt := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"nothing known":   {nil, 0},
		"machine":         {map[string]string{"proc/meminfo": meminfo}, 16384000 << 10},
		"version 2":       {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "268435456\n"}, 256 << 20},
		"no limit":        {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n"}, 16384000 << 10},
		"of a slice":      {map[string]string{"proc/self/cgroup": "0::/ci.slice/job/sub\n", "sys/fs/cgroup/ci.slice/memory.max": "300000000\n", "sys/fs/cgroup/ci.slice/job/memory.max": "400000000\n"}, 300000000},
		"throttled":       {map[string]string{"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "400000000\n", "sys/fs/cgroup/a/memory.high": "200000000\n"}, 200000000},
		"outside of root": {map[string]string{"proc/self/cgroup": "0::/../../x\n", "sys/fs/cgroup/memory.max": "268435456\n"}, 256 << 20},
		"version 1": {map[string]string{
			"proc/self/cgroup": "5:devices:/\n4:memory:/docker/0123\n1:cpu,cpuacct:/\n0::/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "268435456\n",
			"sys/fs/cgroup/memory/docker/0123/memory.limit_in_bytes": "9223372036854771712\n",
		}, 256 << 20},
	} {
		root := fstest.MapFS{}
		for file, text := range tt.files {
			root[file] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := memoryLimit(root); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}

// TestMemoryBudget: the budget is less than the available memory, and respects GOMEMLIMIT.
func TestMemoryBudget(t *testing.T) {
	const none, mib = math.MaxInt64, 1 << 20
	for _, tt := range []struct {
		limit, set int64
		heap       int64
		less       bool // everything gets less than by default
	}{
		{0, none, 400 * mib, false},
		{16 << 30, none, 400 * mib, false},
		{16 << 30, 1 << 30, 1 << 30, false},
		{16 << 30, 512 * mib, 512 * mib, true},
		{16 << 30, 256 * mib, 256 * mib, true},
		{0, 256 * mib, 256 * mib, true},
		{256 * mib, none, 256 * mib / 10 * 7, true},
		{256 * mib, 256 * mib, 256 * mib / 10 * 7, true},
		{256 * mib, 200 * mib, 200 * mib, true},
		{256 * mib, 1 << 30, 256 * mib / 10 * 7, true},
		{512 * mib, 100 * mib, 100 * mib, true},
	} {
		b := budget(tt.limit, tt.set)
		share := min(b.heap, tt.heap, defaultHeap)
		if b.heap != tt.heap || (b.save != 0) != tt.less || (b.uploads != 0) != tt.less || b.save > share/2 || b.restore > share*4/5 {
			t.Errorf("limit %d, GOMEMLIMIT %d: %+v", tt.limit, tt.set, b)
		}
	}
}
