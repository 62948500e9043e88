package proxy

import (
	"strings"
	"testing"

	"golang.org/x/mod/module"
)

// FuzzParse: what is taken for a request of a module is of one whose path and version can be
// written again as they came.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"/example.com/m/@v/list", "/example.com/m/@latest", "/github.com/!azure/x/@v/v1.0.0.info", "/example.com/m/@v/v1.0.0.mod",
		"/example.com/m/v2/@v/v2.0.0+incompatible.zip", "/sumdb/sum.golang.org/supported", "/sumdb/sum.golang.org/lookup/a.b/c@v1.0.0",
		"/sumdb/sum.golang.org/tile/8/0/x001/234", "/example.com/%2e%2e/@v/list", "/example.com/m/@v/../x.zip", "/@v/list", "/a.b/@v/feature%2Fx.info",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, escaped string) {
		r, err := parse(escaped)
		if err != nil || r.op == opSumDB {
			return
		}
		path, err := module.EscapePath(r.path)
		if err != nil {
			t.Fatalf("%q: path %q: %v", escaped, r.path, err)
		}
		version, err := module.EscapeVersion(r.version)
		if err != nil && r.version != "" {
			t.Fatalf("%q: version %q: %v", escaped, r.version, err)
		}
		for _, elem := range strings.Split(path+"/"+version, "/") {
			if elem == ".." || elem == "." {
				t.Errorf("%q: leaves its directory: %q, %q", escaped, path, version)
			}
		}
	})
}
