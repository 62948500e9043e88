package goentry

import (
	"path/filepath"
	"slices"
	"testing"
)

// TestParseTestLog: names are relative to the directory of the package, or to that to which the
// test went.
func TestParseTestLog(t *testing.T) {
	dir, other := filepath.Join(t.TempDir(), "p"), t.TempDir()
	got, err := ParseTestLog([]byte("# test log\ngetenv HOME\ngetenv A\ngetenv HOME\nopen testdata/a\nstat ../b\nchdir "+other+"\nopen c d\nopen "+dir+"\n"), dir)
	lookups := []Lookup{
		{"open", filepath.Join(dir, "testdata", "a")}, {"stat", filepath.Join(filepath.Dir(dir), "b")},
		{"chdir", other}, {"open", filepath.Join(other, "c d")}, {"open", dir},
	}
	if err != nil || !slices.Equal(got.Variables, []string{"HOME", "A", "HOME"}) || !slices.Equal(got.Lookups, lookups) {
		t.Errorf("%+v, %v; want %v", got, err, lookups)
	}
	for _, text := range []string{"", "getenv A\n", "# test log\nexec x\n", "# test log\nopen\n", "# test log\nchdir x\n"} {
		if got, err := ParseTestLog([]byte(text), dir); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

// FuzzParseTestLog: whatever lies in the cache, names of files are absolute and clean.
func FuzzParseTestLog(f *testing.F) {
	f.Add("# test log\nopen a\nchdir /x\nstat ..\n")
	f.Add("# test log\nopen \x00\ngetenv \n")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		l, err := ParseTestLog([]byte(text), dir)
		if err != nil {
			return
		}
		for _, x := range l.Lookups {
			if !filepath.IsAbs(x.File) || filepath.Clean(x.File) != x.File {
				t.Errorf("%q", x.File)
			}
		}
	})
}
