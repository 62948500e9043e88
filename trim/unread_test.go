package trim

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestUnreadSubdirectory: an entry in a subdirectory that cannot be read may name any output, so
// outputs are kept while their old entries are removed. If all subdirectories can be read, the
// outputs are removed too.
func TestUnreadSubdirectory(t *testing.T) {
	for _, unread := range []bool{false, true} {
		dir := t.TempDir()
		old := time.Now().Add(-30 * day)
		write := func(name, data string) string {
			file := filepath.Join(dir, name)
			must(t, os.MkdirAll(filepath.Dir(file), 0o755))
			must(t, os.WriteFile(file, []byte(data), 0o644))
			must(t, os.Chtimes(file, old, old))
			return file
		}
		action, id, orphan := fmt.Sprintf("%064x", 1), sha256.Sum256([]byte("output")), sha256.Sum256([]byte("orphan"))
		entry := write("00/"+action+"-a", fmt.Sprintf("v1 %s %x %20d %20d\n", action, id, len("output"), old.UnixNano()))
		output := write(fmt.Sprintf("%x/%x-d", id[:1], id), "output")
		left := write(fmt.Sprintf("%x/%x-d", orphan[:1], orphan), "orphan")
		if unread { // nobody can list a file, not even root
			write("ee", "")
		}
		res, err := Run(t.Context(), Options{BuildDir: dir, MaxAge: day})
		must(t, err)
		for file, stays := range map[string]bool{entry: false, output: unread, left: unread} {
			if _, err := os.Stat(file); (err == nil) != stays {
				t.Errorf("unread %v: %s: %v, stays: %v", unread, file, err, stays)
			}
		}
		if (len(res.Warnings) > 0) != unread {
			t.Errorf("unread %v: warnings %q", unread, res.Warnings)
		}
	}
}

// oldEntry makes an entry that was written 30 days ago, and read later. It returns its file.
func oldEntry(t *testing.T, dir string, n int, read time.Time) string {
	t.Helper()
	old := time.Now().Add(-30 * day)
	action, text := fmt.Sprintf("%064x", n), fmt.Sprint("output", n)
	id := sha256.Sum256([]byte(text))
	entry, output := filepath.Join(dir, "00", action+"-a"), filepath.Join(dir, fmt.Sprintf("%x/%x-d", id[:1], id))
	for file, data := range map[string]string{entry: fmt.Sprintf("v1 %s %x %20d %20d\n", action, id, len(text), old.UnixNano()), output: text} {
		must(t, os.MkdirAll(filepath.Dir(file), 0o755))
		must(t, os.WriteFile(file, []byte(data), 0o644))
		must(t, os.Chtimes(file, read, old))
	}
	return entry
}
