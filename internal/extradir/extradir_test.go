package extradir

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/snapshot"
)

// TestInstallBesideCreate: opening the directory again, as each job of a restore does, removes
// unfinished files that are days old, but not a file that is being installed with a time of days
// ago.
func TestInstallBesideCreate(t *testing.T) {
	p := Path{Dir: t.TempDir()}
	dir, err := p.Create()
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	left := filepath.Join(p.Dir, unfinished+"0")
	old := time.Now().Add(-48 * time.Hour).Truncate(time.Second)
	if err := os.WriteFile(left, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(left, old, old); err != nil {
		t.Fatal(err)
	}
	done, ended := make(chan struct{}), make(chan error)
	go func() {
		for {
			select {
			case <-done:
				ended <- nil
				return
			default:
			}
			again, err := p.Create()
			if err != nil {
				ended <- err
				return
			}
			again.Close()
		}
	}()
	for i := range 300 {
		text := fmt.Sprint(i)
		sum := sha256.Sum256([]byte(text))
		f := snapshot.PathFile{Name: "sub/" + text, Size: int64(len(text)), Sum: hex.EncodeToString(sum[:])}
		if written, err := dir.Install(f, strings.NewReader(text), old); err != nil || !written {
			t.Errorf("file %d: written %v, %v", i, written, err)
			break
		}
		if info, err := os.Stat(filepath.Join(p.Dir, "sub", text)); err != nil || !info.ModTime().Equal(old) {
			t.Errorf("file %d: %v, %v", i, info, err)
			break
		}
	}
	close(done)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(left); err == nil {
		t.Error("an unfinished file of two days ago is still there")
	}
}

// TestMisplaced: something else in the place of a file, or of a directory above it, is not a
// failure of the disk.
func TestMisplaced(t *testing.T) {
	for name, make := range map[string]func(dir string) error{
		"a file where a directory should be": func(dir string) error { return os.WriteFile(filepath.Join(dir, "sub"), []byte("x"), 0o644) },
		"a link in a circle":                 func(dir string) error { return os.Symlink("sub", filepath.Join(dir, "sub")) },
		"a link to nothing":                  func(dir string) error { return os.Symlink("nothing", filepath.Join(dir, "sub")) },
	} {
		t.Run(name, func(t *testing.T) {
			p := Path{Name: "p", Dir: t.TempDir()}
			if err := make(p.Dir); err != nil {
				t.Skip(err)
			}
			d, err := p.Create()
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			sum := sha256.Sum256([]byte("abc"))
			f := snapshot.PathFile{Name: "sub/a", Size: 3, Sum: hex.EncodeToString(sum[:])}
			if _, err := d.Install(f, strings.NewReader("abc"), time.Now()); !errors.Is(err, ErrPlace) {
				t.Errorf("%v", err)
			}
		})
	}
}
