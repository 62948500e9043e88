package modcache

import (
	"fmt"
	"strings"
	"testing"
)

// TestInstallLimits: if a module is larger than a module can be, or than the manifest says, it is
// refused before too much is on the disk.
func TestInstallLimits(t *testing.T) {
	const tree = "example.com/!burnt!sushi/!toml@v1.2.3/"
	long := strings.Repeat("x", 250)
	for _, c := range []struct {
		name string
		o    InstallOptions
		file func(n int) (string, int64) // returns the n-th file
		ok   int                         // at least so many files are accepted
		want string
	}{
		{"known files", InstallOptions{Files: 3}, func(n int) (string, int64) { return fmt.Sprint(n), 0 }, 3, "more than 3 files"},
		{"known bytes", InstallOptions{Bytes: 10}, func(n int) (string, int64) { return fmt.Sprint(n), 4 }, 2, "more than 10 bytes"},
		{"bytes", InstallOptions{}, func(int) (string, int64) { return "x", MaxTreeSize + 1 }, 0, "more than 524288000 bytes"},
		{"element", InstallOptions{}, func(int) (string, int64) { return long + long, 0 }, 0, "element of 500 bytes"},
		{"name", InstallOptions{}, func(int) (string, int64) { return strings.Repeat("y/", 2100) + "x", 0 }, 0, "name of"},
		{"depth", InstallOptions{}, func(int) (string, int64) { return strings.Repeat("y/", 129) + "x", 0 }, 0, "129 directories deep"},
		{"names", InstallOptions{}, func(n int) (string, int64) { return fmt.Sprintf("%s/%s/%s/%d", long, long, long, n), 0 }, MaxNames/800 - 1000, "bytes of names"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Open(tempDir(t), Options{}).NewStage()
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			i, err := s.Begin(toml, c.o)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for ; err == nil && n < 2*MaxFiles; n++ {
				name, size := c.file(n)
				_, err = i.Create(tree+name, 0, size) // Create alone writes nothing to the disk
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || n-1 < c.ok {
				t.Errorf("file %d: %v, want %q after %d", n, err, c.want, c.ok)
			}
		})
	}
}
