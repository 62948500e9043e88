package stdtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCorpora: inputs that fuzzing has found are run with the tests only if the package still has a
// fuzz target of that name.
func TestCorpora(t *testing.T) {
	root := filepath.Join("..", "..")
	corpora := 0
	err := filepath.WalkDir(root, func(dir string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !d.IsDir():
			return nil
		case dir != root && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case !strings.HasSuffix(filepath.ToSlash(filepath.Dir(dir)), "/testdata/fuzz"):
			return nil
		}
		corpora++
		if pkg := filepath.Join(dir, "..", "..", ".."); !hasTarget(t, pkg, d.Name()) {
			t.Errorf("%s: no func %s in %s", dir, d.Name(), pkg)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if corpora == 0 {
		t.Errorf("no testdata/fuzz below %s", root)
	}
}

// hasTarget reports whether the tests of a package have a function of this name.
func hasTarget(t *testing.T, dir, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains("\n"+string(text), "\nfunc "+name+"(") {
			return true
		}
	}
	return false
}
