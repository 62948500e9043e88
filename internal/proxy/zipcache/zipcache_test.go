package zipcache

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func put(t *testing.T, c *Cache, key, text string) {
	t.Helper()
	d, err := c.NewDraft()
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := d.Keep(key); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, c *Cache, key string) string {
	t.Helper()
	f, ok := c.Get(key)
	if !ok {
		return ""
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil || int64(len(data)) != f.Size {
		t.Fatalf("%d bytes of %d: %v", len(data), f.Size, err)
	}
	return string(data)
}

// TestCache: what is kept is there, also for the next process; the quota holds; what was not kept
// or was left by a killed process goes.
func TestCache(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "zips")
	c, err := Open(dir, 100)
	if err != nil {
		t.Fatal(err)
	}
	a, b, d := Key("a"), Key("b"), Key("d")
	put(t, c, a, strings.Repeat("a", 40))
	put(t, c, b, strings.Repeat("b", 40))
	put(t, c, b, strings.Repeat("b", 40)) // by two at once
	open, ok := c.Get(b)
	if !ok {
		t.Fatal("it is not there")
	}
	get(t, c, a)
	put(t, c, d, strings.Repeat("d", 40)) // drops b, which is being read
	if get(t, c, b) != "" || get(t, c, a) == "" || get(t, c, d) == "" {
		t.Error("what was not used for longest goes")
	}
	if data, err := io.ReadAll(open); err != nil || len(data) != 40 {
		t.Errorf("an open zip: %d bytes, %v", len(data), err)
	}
	open.Close()
	if n, evicted := c.Stats(); n != 80 || evicted != 1 {
		t.Errorf("%d bytes, %d evicted", n, evicted)
	}
	if _, err := Open(dir, 100); !errors.Is(err, ErrInUse) {
		t.Errorf("a second process: %v", err)
	}
	left, err := c.NewDraft() // of a process that is killed
	if err != nil {
		t.Fatal(err)
	}
	left.File.Close()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if c, err = Open(dir, 100); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if get(t, c, a) != strings.Repeat("a", 40) || get(t, c, d) == "" {
		t.Error("the next process does not find it")
	}
	for _, content := range []string{strings.Repeat("x", 40), "short"} { // the machine went down
		damaged := Key(content)
		put(t, c, damaged, "content "+content)
		name, _ := filepath.Glob(filepath.Join(dir, damaged+"*"))
		if err := os.WriteFile(name[0], []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if c, err = Open(dir, 100); err != nil {
			t.Fatal(err)
		}
		if get(t, c, damaged) != "" {
			t.Error("a damaged zip is served")
		}
	}
	if list, _ := filepath.Glob(filepath.Join(dir, drafts)); len(list) != 0 {
		t.Errorf("left: %q", list)
	}
	c.MakeRoom()
	if n, _ := c.Stats(); n > 40 {
		t.Errorf("%d bytes after MakeRoom", n)
	}
	list, _ := filepath.Glob(filepath.Join(dir, "*"+suffix))
	for _, name := range list {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if get(t, c, a)+get(t, c, d) != "" {
		t.Error("a removed zip is there")
	}
}
