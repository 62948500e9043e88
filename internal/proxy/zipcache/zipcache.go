// Package zipcache keeps the zips of modules in a local directory, up to a number of bytes. What
// was not used for longest goes first. The directory belongs to one process.
//
// Everything in it can be made anew: it may be removed while no proxy runs.
package zipcache

import (
	"container/list"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/org/gocache-action/internal/lockfile"
	"github.com/org/gocache-action/internal/osfile"
)

// ErrInUse means that another process has the directory.
var ErrInUse = errors.New("another proxy uses this directory")

const (
	suffix = ".zip"
	drafts = "draft-*"
	// renewAfter is how old the recorded last use of a file may be.
	renewAfter = time.Hour
)

// Cache is safe for concurrent use.
type Cache struct {
	dir   string
	quota int64
	lock  lockfile.Lock

	mu      sync.Mutex
	bytes   int64
	evicted int64
	byKey   map[string]*list.Element
	order   *list.List // of *entry, the last used first
}

type entry struct {
	key, name string // name of the file
	tag       string
	size      int64
	used      time.Time // as recorded in the file
	// checked says that the bytes are those of the tag. What an earlier process left may have been
	// cut off with the machine.
	checked bool
}

// Open takes a directory, and makes it if there is none. What is in it stays, as far as the quota
// allows.
func Open(dir string, quota int64) (*Cache, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cache of zips: %w", err)
	}
	lock, err := lockfile.Create(filepath.Join(dir, "lock"))
	if errors.Is(err, lockfile.ErrLocked) {
		return nil, fmt.Errorf("cache of zips %s: %w", dir, ErrInUse)
	}
	if err != nil {
		return nil, fmt.Errorf("cache of zips %s: %w", dir, err)
	}
	c := &Cache{dir: dir, quota: quota, lock: lock, byKey: map[string]*list.Element{}, order: list.New()}
	if err := c.scan(); err != nil {
		return nil, errors.Join(fmt.Errorf("cache of zips %s: %w", dir, err), lock.Unlock())
	}
	return c, nil
}

// Close gives the directory back. Files that were opened can be read on.
func (c *Cache) Close() error { return c.lock.Unlock() }

// scan reads what is there and removes what a killed process left.
func (c *Cache) scan() error {
	files, err := os.ReadDir(c.dir)
	if err != nil {
		return err
	}
	var found []*entry
	for _, f := range files {
		if ok, _ := filepath.Match(drafts, f.Name()); ok {
			_ = os.Remove(filepath.Join(c.dir, f.Name()))
			continue
		}
		if e, ok := parse(f); ok {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(a, b *entry) int { return a.used.Compare(b.used) })
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range found {
		c.add(e)
	}
	return nil
}

// parse reads the name of a file: KEY-TAG.zip.
func parse(f fs.DirEntry) (*entry, bool) {
	base, ok := strings.CutSuffix(f.Name(), suffix)
	key, tag, ok2 := strings.Cut(base, "-")
	info, err := f.Info()
	if !ok || !ok2 || err != nil || !info.Mode().IsRegular() || len(key) != 64 {
		return nil, false
	}
	return &entry{key: key, name: f.Name(), tag: tag, size: info.Size(), used: info.ModTime()}, true
}

// Key is that of a zip, from what identifies its content.
func Key(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// File is an open zip.
type File struct {
	*os.File
	Size int64
	Tag  string // differs where the bytes do
}

// Get opens a zip.
func (c *Cache) Get(key string) (*File, bool) {
	f, checked, ok := c.get(key)
	if !ok || checked {
		return f, ok
	}
	tag, _, err := digest(f.File)
	c.mu.Lock()
	defer c.mu.Unlock()
	el, ok := c.byKey[key]
	switch {
	case err != nil || tag != f.Tag:
		f.Close()
		if ok && !el.Value.(*entry).checked {
			c.drop(el)
		}
		return nil, false
	case ok && el.Value.(*entry).tag == tag:
		el.Value.(*entry).checked = true
	}
	return f, true
}

// get opens a zip, and says whether it has been checked.
func (c *Cache) get(key string) (f *File, checked, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	el, ok := c.byKey[key]
	if !ok {
		return nil, false, false
	}
	e := el.Value.(*entry)
	file, err := osfile.OpenShared(filepath.Join(c.dir, e.name))
	if err != nil { // somebody has cleared the directory
		c.drop(el)
		return nil, false, false
	}
	c.order.MoveToFront(el)
	if now := time.Now(); now.Sub(e.used) > renewAfter {
		e.used = now
		_ = os.Chtimes(file.Name(), now, now)
	}
	return &File{File: file, Size: e.size, Tag: e.tag}, e.checked, true
}

// add enters a file, and removes others if there are too many bytes. The caller holds mu.
func (c *Cache) add(e *entry) {
	if old, ok := c.byKey[e.key]; ok {
		if old.Value.(*entry).name == e.name {
			c.order.MoveToFront(old)
			return
		}
		c.drop(old)
	}
	c.byKey[e.key] = c.order.PushFront(e)
	c.bytes += e.size
	for c.bytes > c.quota && c.order.Len() > 1 {
		c.evicted++
		c.drop(c.order.Back())
	}
}

// drop removes a file. Who has it open reads on. The caller holds mu.
func (c *Cache) drop(el *list.Element) {
	e := c.order.Remove(el).(*entry)
	delete(c.byKey, e.key)
	c.bytes -= e.size
	_ = os.Remove(filepath.Join(c.dir, e.name))
}

// MakeRoom removes half of what is there, for the disk is full, and reports whether that was
// something.
func (c *Cache) MakeRoom() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	had := c.bytes > 0
	for goal := c.bytes / 2; c.bytes > goal; {
		c.evicted++
		c.drop(c.order.Back())
	}
	return had
}

// Stats says how many bytes are there, and how many files were removed to make room.
func (c *Cache) Stats() (bytes, evicted int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bytes, c.evicted
}

// Draft is a zip that is being written. It is for one goroutine.
type Draft struct {
	*os.File
	c *Cache
}

// NewDraft begins a zip. The caller must call Close.
func (c *Cache) NewDraft() (*Draft, error) {
	f, err := os.CreateTemp(c.dir, drafts)
	if err != nil {
		return nil, fmt.Errorf("cache of zips: %w", err)
	}
	return &Draft{File: f, c: c}, nil
}

// Keep enters the zip, which must be whole and verified.
func (d *Draft) Keep(key string) error {
	tag, size, err := digest(d.File)
	if err == nil {
		err = d.File.Close()
	}
	if err != nil {
		return fmt.Errorf("cache of zips: %w", err)
	}
	e := &entry{key: key, name: key + "-" + tag + suffix, tag: tag, size: size, used: time.Now(), checked: true}
	d.c.mu.Lock()
	defer d.c.mu.Unlock()
	if old, ok := d.c.byKey[key]; ok && old.Value.(*entry).name == e.name {
		return nil
	}
	if err := os.Rename(d.Name(), filepath.Join(d.c.dir, e.name)); err != nil {
		return fmt.Errorf("cache of zips: %w", err)
	}
	d.c.add(e)
	return nil
}

// digest reads a file, and goes back to its beginning.
func digest(f *os.File) (tag string, size int64, err error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", 0, err
	}
	h := xxhash.New()
	size, err = io.Copy(h, f)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	return fmt.Sprintf("%016x", h.Sum64()), size, err
}

// Close removes what was not kept.
func (d *Draft) Close() {
	d.File.Close()
	_ = os.Remove(d.Name())
}
