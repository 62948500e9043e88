package upstream

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// FuzzForms: whatever an upstream answers, an .info is of a canonical version, and of the one that
// was asked for; a list has nothing but versions; a go.mod has a module line.
func FuzzForms(f *testing.F) {
	f.Add("v1.0.0", []byte(`{"Version":"v1.0.0","Time":"2020-01-02T03:04:05Z","Origin":{"VCS":"git"}}`))
	f.Add("main", []byte(`{"Version":"v0.0.0-20200102030405-0123456789ab"}`))
	f.Add("v1.0.0", []byte("<html>log in</html>"))
	f.Add("", []byte("v1.0.0\nv1.1.0 2020-01-02T03:04:05Z\n\nx\n"))
	f.Add("", []byte("module example.com/m\n\ngo 1.26\n"))
	f.Fuzz(func(t *testing.T, query string, data []byte) {
		if info, err := ParseInfo("example.com/m", query, data); err == nil {
			if module.CanonicalVersion(info.Version) != info.Version || IsVersion("example.com/m", query) && info.Version != query {
				t.Errorf("version %q for %q", info.Version, query)
			}
		}
		if list, err := CleanList(data); err == nil {
			for line := range strings.Lines(string(list)) {
				if !semver.IsValid(strings.TrimSuffix(line, "\n")) {
					t.Errorf("%q is in the list", line)
				}
			}
			if again, err := CleanList(list); !bytes.Equal(again, list) || err != nil {
				t.Errorf("a clean list becomes %q, %v", again, err)
			}
		}
		_ = CheckMod(data)
	})
}
