package modcache

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/org/gocache-action/internal/osfile"
)

const vcsDir = "cache/vcs"

// Clone is a repository in cache/vcs, where go commands clone the modules that no proxy serves. If
// it is missing, they clone it again.
type Clone struct {
	Name    string // 64 hex digits
	Remote  string // as cmd/go describes it: "git3:https://host/path"
	Bytes   int64
	LastUse time.Time // when anything in its root, such as FETCH_HEAD, was written last
}

// Clones lists the repositories.
func (c *Cache) Clones() ([]Clone, error) {
	list, err := os.ReadDir(c.path(vcsDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err := c.o.unread(vcsDir, err); err != nil {
		return nil, fmt.Errorf("listing cloned repositories: %w", err)
	}
	var clones []Clone
	for _, d := range list {
		if sum, err := hex.DecodeString(d.Name()); err != nil || len(sum) != 32 || !d.IsDir() {
			continue
		}
		cl, err := readClone(c.path(vcsDir + "/" + d.Name()))
		if err == nil {
			clones = append(clones, cl)
		} else if err := c.o.unread(vcsDir+"/"+d.Name(), err); err != nil {
			return nil, fmt.Errorf("listing cloned repositories: %w", err)
		}
	}
	return clones, nil
}

// readClone describes the repository in root.
func readClone(root string) (Clone, error) {
	info, _ := readMark(root + ".info")
	cl := Clone{Name: filepath.Base(root), Remote: strings.TrimSpace(string(info))}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		if !d.IsDir() {
			cl.Bytes += st.Size()
		}
		if top := path == root || filepath.Dir(path) == root; top && st.ModTime().After(cl.LastUse) {
			cl.LastUse = st.ModTime()
		}
		return nil
	})
	return cl, err
}

// readMark reads a small file without looking like a go command that does.
func readMark(file string) ([]byte, error) {
	f, err := osfile.OpenQuietly(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 4<<10))
}

// CloneAsked is when a go command last began to use a repository, as far as the file system records
// reads: it reads the .info beside the repository, and each git command in it reads HEAD.
func (c *Cache) CloneAsked(name string) (last time.Time) {
	root := c.path(vcsDir + "/" + name)
	for _, file := range []string{root + ".info", filepath.Join(root, "HEAD")} {
		st, err := os.Lstat(file)
		if err != nil {
			continue
		}
		if read, ok := readTime(st); ok && read.After(last) {
			last = read
		}
	}
	return last
}

// RemoveClone removes a repository. It returns ErrBusy while a go command works with the repository
// and holds its lock. The lock file stays.
func (s *Stage) RemoveClone(name string) error {
	root := s.c.path(vcsDir + "/" + name)
	l := flock.New(root+".lock", flock.SetPermissions(0o666))
	ok, err := l.TryLock()
	if err != nil {
		return fmt.Errorf("removing cloned repository: %w", err)
	}
	if !ok {
		return fmt.Errorf("removing cloned repository %s: %w", name, ErrBusy)
	}
	defer func() { _ = l.Unlock() }()
	if err := errors.Join(s.retire(root), removeFile(root+".info")); err != nil {
		return fmt.Errorf("removing cloned repository: %w", err)
	}
	return nil
}
