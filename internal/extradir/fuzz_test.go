package extradir

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/snapshot"
)

// FuzzInstall installs a file with any name that a manifest may have in a directory with a link
// that leads out of it.
func FuzzInstall(f *testing.F) {
	for _, name := range []string{"a", "d/e", "out/x", "out", "file/x", "..", "../x", "/x", `a\b`, "con", "C:x", "x\ny", "a/../../b"} {
		f.Add(name, []byte("content"), true)
	}
	root := f.TempDir()
	outside := filepath.Join(root, "outside")
	f.Fuzz(func(t *testing.T, name string, data []byte, right bool) {
		if snapshot.CheckPathFile(name, int64(len(data))) != nil {
			return
		}
		dir := filepath.Join(root, "dir")
		for _, d := range []string{outside, dir} {
			if err := os.Mkdir(d, 0o777); err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(d)
		}
		if err := os.Symlink(outside, filepath.Join(dir, "out")); err != nil {
			t.Log("cannot make symbolic links:", err)
		}
		if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o666); err != nil {
			t.Fatal(err)
		}
		d, err := Path{Name: "p", Dir: dir}.Create()
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		sum := sha256.Sum256(data)
		if !right {
			sum[0]++
		}
		rec := snapshot.PathFile{Name: name, Size: int64(len(data)), Sum: hex.EncodeToString(sum[:])}
		written, err := d.Install(rec, bytes.NewReader(data), time.Unix(1_700_000_000, 0))
		if written && (!right || err != nil) {
			t.Errorf("written with %v", err)
		}
		checkDir(t, root, dir, written)
	})
}

// checkDir checks that nothing is outside the directory, and that at most one more file is in it.
func checkDir(t *testing.T, root, dir string, written bool) {
	t.Helper()
	for d, want := range map[string]int{root: 2, filepath.Join(root, "outside"): 0} {
		if list, err := os.ReadDir(d); err != nil || len(list) != want {
			t.Errorf("%s has %v, %v", d, list, err)
		}
	}
	files := 0
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files++
		}
		return nil
	})
	if want := map[bool]int{false: 1, true: 2}[written]; files != want {
		t.Errorf("%d files, want %d", files, want)
	}
}
