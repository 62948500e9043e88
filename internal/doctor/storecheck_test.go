package doctor

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/dir"
	"github.com/org/gocache-action/internal/store/s3"
	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/internal/store/storeurl"
	"github.com/org/gocache-action/internal/store/web"
)

// storeFacts are facts with a store.
func storeFacts(t *testing.T, st store.Store, err error) *Facts {
	f := bare(t, nil)
	f.WriteProbe = true
	f.opened = func() (store.Store, error) { return st, err }
	f.Hint = func(error) string { return "a hint" }
	return f
}

func openDir(t *testing.T, path string) *dir.Store {
	t.Helper()
	st, err := dir.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// countFiles is how many files are below a directory.
func countFiles(t *testing.T, root string) (n int) {
	t.Helper()
	filepath.WalkDir(root, func(path string, d os.DirEntry, _ error) error {
		rel, err := filepath.Rel(root, path)
		if err == nil && d != nil && d.Type().IsRegular() && strings.Contains(filepath.ToSlash(rel), probePrefix) {
			n++
		}
		return nil
	})
	return n
}

func TestDirStore(t *testing.T) {
	root := filepath.Join(t.TempDir(), "store")
	st := openDir(t, root)
	f := storeFacts(t, st, nil)
	f.volume = func(string) (volume, error) { return volume{free: 1 << 40, size: 1 << 41}, nil }
	want(t, runCheck(t, f, "store"), "ok is not there yet")
	want(t, runCheck(t, f, "store-write"), "ok written, replaced under a condition, read and removed")
	want(t, runCheck(t, f, "store"), "ok free of")
	want(t, runCheck(t, f, "store-clock"), "ok ")
	if n := countFiles(t, root); n != 0 {
		t.Errorf("%d files are left of the probe", n)
	}
	f.WriteProbe = false
	want(t, runCheck(t, f, "store-write"), "ok not tried: with --write-probe")
	f.volume = func(string) (volume, error) { return volume{free: 1 << 20, size: 1 << 41}, nil }
	want(t, runCheck(t, f, "store"), "fail with --grace 0")
	f.Now = func() time.Time { return time.Now().Add(time.Hour + 30*time.Second) } // as with the clock of a share
	f.WriteProbe = true
	want(t, runCheck(t, f, "store-write"), "warn was written 1h0m")

	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	f = storeFacts(t, openDir(t, file), nil)
	want(t, runCheck(t, f, "store"), "fail is a file")
	want(t, runCheck(t, f, "store-write"), "fail a hint")

	want(t, runCheck(t, storeFacts(t, nil, nil), "store"), "ok no store is named")
	want(t, runCheck(t, storeFacts(t, nil, store.ErrDenied), "store"), "fail a hint")
}

// careless is a store that ignores conditions, or returns what nobody wrote.
type careless struct {
	store.Collector
	forgets bool
}

func (c careless) Put(ctx context.Context, name string, body io.Reader, size int64, cond store.Condition) (store.Info, error) {
	return c.Collector.Put(ctx, name, body, size, store.Condition{})
}

func (c careless) Open(ctx context.Context, name string, off, length int64) (io.ReadCloser, store.Info, error) {
	if c.forgets {
		return io.NopCloser(bytes.NewReader([]byte("old"))), store.Info{Size: 3}, nil
	}
	return c.Collector.Open(ctx, name, off, length)
}

// unconditional is a store that says that it has no conditional writes.
type unconditional struct{ store.Collector }

func (u unconditional) Put(ctx context.Context, name string, body io.Reader, size int64, cond store.Condition) (store.Info, error) {
	if cond != (store.Condition{}) {
		return store.Info{}, store.ErrNoConditions
	}
	return u.Collector.Put(ctx, name, body, size, cond)
}

// damaged is a store that does not look at checksums.
type damaged struct {
	store.Collector
	refuses bool
}

func (d damaged) RefusesDamage(ctx context.Context, name string) (bool, error) {
	if d.refuses {
		return true, nil
	}
	_, err := d.Put(ctx, name, strings.NewReader("x"), 1, store.Condition{})
	return false, err
}

func TestCarelessStores(t *testing.T) {
	root := t.TempDir()
	st := openDir(t, root)
	for name, c := range map[string]struct {
		st     store.Store
		wanted []string
	}{
		"ignores conditions": {careless{st, false}, []string{"warn conditional-writes=false"}},
		"forgets":            {careless{st, true}, []string{"warn ignores their conditions", "fail no snapshot can be trusted"}},
		"has no conditions":  {unconditional{st}, []string{"warn has no conditional writes"}},
		"no checksums":       {damaged{st, false}, []string{"warn (CRC32C)"}},
		"checksums":          {damaged{st, true}, []string{"ok written, replaced"}},
	} {
		t.Run(name, func(t *testing.T) {
			want(t, runCheck(t, storeFacts(t, c.st, nil), "store-write"), c.wanted...)
			if n := countFiles(t, root); n != 0 {
				t.Errorf("%d files are left of the probe", n)
			}
		})
	}
}

// TestS3: a real server, with the right credentials, with others, and without the bucket.
func TestS3(t *testing.T) {
	server := storetest.Gateway(t)
	server.Setenv(t)
	server.Bucket(t, "cache")
	at := func(bucket string) *Facts {
		target, err := storeurl.Parse(server.URL(bucket, "p"))
		if err != nil {
			t.Fatal(err)
		}
		target.S3.MaxAttempts = 1
		st, err := s3.New(t.Context(), *target.S3)
		if err != nil {
			t.Fatal(err)
		}
		return storeFacts(t, st, nil)
	}
	f := at("cache")
	want(t, runCheck(t, f, "store"), "ok answers in")
	want(t, runCheck(t, f, "store-write"), "ok written, replaced under a condition")
	want(t, runCheck(t, f, "store-clock"), "ok within")
	if n := countFiles(t, server.DataDir); n != 0 {
		t.Errorf("%d files are left of the probe", n)
	}
	f.Now = func() time.Time { return time.Now().Add(-time.Hour) }
	want(t, runCheck(t, f, "store-clock"), "fail behind")
	want(t, runCheck(t, at("gone"), "store"), "fail no such bucket")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "another")
	want(t, runCheck(t, at("cache"), "store"), "fail SignatureDoesNotMatch")
	want(t, runCheck(t, at("cache"), "store-clock"), "ok within") // a denial has the time, too
}

// TestNoStore: why a store cannot be opened is said once, whoever needs it.
func TestNoStore(t *testing.T) {
	f := storeFacts(t, nil, errors.New("unknown scheme"))
	want(t, runCheck(t, f, "store"), "fail unknown scheme -> a hint")
	for _, check := range []string{"store-write", "store-clock"} {
		want(t, runCheck(t, f, check), "fail the store cannot be opened -> gocache doctor --check store")
	}
}

// TestWebStore: one that can only be read.
func TestWebStore(t *testing.T) {
	at := func(raw string) *Facts {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		st, err := web.New(web.Options{URL: u, MaxAttempts: 1})
		if err != nil {
			t.Fatal(err)
		}
		return storeFacts(t, st, nil)
	}
	f := at(serve(t, http.FileServer(http.Dir(t.TempDir()))))
	want(t, runCheck(t, f, "store"), "ok answers in")
	want(t, runCheck(t, f, "store-write"), "ok not tried: ")
	want(t, runCheck(t, f, "store-clock"), "ok within")
	want(t, runCheck(t, at(closedPort), "store"), "fail a hint")
}
