package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/note"

	"github.com/org/gocache-action/internal/goenv"
)

// FuzzTrustKeys reads a file of public keys. Each accepted key is valid, and a file is accepted
// only as a whole.
func FuzzTrustKeys(f *testing.F) {
	const key = "vector+464e82ee+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
	f.Add(key + "\n")
	f.Add("\r\n" + key + "," + key + "\t ")
	f.Add("PRIVATE+KEY+vector+464e82ee+AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f")
	path := filepath.Join(f.TempDir(), "keys")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		keys, err := parseTrustKeys(path)
		if err != nil {
			return
		}
		words := splitKeys(text)
		if len(keys) != len(words) {
			t.Fatalf("%d keys of %d words", len(keys), len(words))
		}
		for i, w := range words {
			if v, err := note.NewVerifier(w); err != nil || v.KeyHash() != keys[i].KeyHash() {
				t.Errorf("%q: %v", w, err)
			}
		}
	})
}

// FuzzGoEnv: whatever the go command prints, the values derived from it can be used.
func FuzzGoEnv(f *testing.F) {
	f.Add([]byte(`{"GOFLAGS":"-modcacherw -mod=mod","GOPRIVATE":"*.corp.example,x.org/y","GONOSUMDB":"*.corp.example","GOSUMDB":"sum.golang.org","GOPROXY":"https://proxy.golang.org,direct","GOPATH":"/go"}`), []byte("auto\n"))
	f.Add([]byte(`{"GOSUMDB":"off","GOCACHE":"off","GOMODCACHE":"/m"}`), []byte("local"))
	f.Fuzz(func(t *testing.T, out, toolchain []byte) {
		said, err := goenv.Parse(out, toolchain)
		if err != nil {
			return
		}
		env := newGoEnv(said)
		for p := range strings.SplitSeq(env.private(), ",") {
			if p != strings.TrimSpace(p) {
				t.Errorf("pattern %q", p)
			}
		}
		module.MatchPrefixPatterns(env.private(), "example.com/a")
		env.modWritable()
		if env.GOCACHE == "off" && env.buildDir() != "" {
			t.Error("a build cache that is off")
		}
		for _, dir := range env.insideSkips() {
			if dir == "" {
				t.Error("the project itself is skipped")
			}
		}
		if env.sumDB() == nil {
			t.Error("no database")
		}
	})
}
