package modcache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/osfile"
)

// Files and bytes of one kind.
type Files struct {
	Count int
	Bytes int64
}

// DownloadSizes is what lies in cache/download, by kind.
type DownloadSizes struct {
	Zips     Files
	Metadata Files // .info, .mod, .ziphash, list, lock
	SumDB    Files // what the checksum database served
}

// MeasureDownloads sums up cache/download. What cannot be read is told to Options.Unread.
func MeasureDownloads(ctx context.Context, c *Cache) (s DownloadSizes, err error) {
	root, sumdb := c.path(downloadDir), c.path(sumdbDir)+string(filepath.Separator)
	if _, err := os.Lstat(root); errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // as of a lock that was removed meanwhile
			return c.o.unread(downloadDir, err)
		}
		if err != nil || !d.Type().IsRegular() {
			return ctx.Err()
		}
		st, err := d.Info()
		if err != nil {
			return nil
		}
		to := &s.Metadata
		switch {
		case strings.HasPrefix(path, sumdb):
			to = &s.SumDB
		case strings.HasSuffix(path, ".zip"):
			to = &s.Zips
		}
		to.Count++
		to.Bytes += st.Size()
		return nil
	})
	if err != nil {
		return s, fmt.Errorf("sizes of the module cache: %w", err)
	}
	return s, nil
}

// InfoFile is the name of the cached .info of a version, relative to the cache directory; "" if
// there is none.
func (c *Cache) InfoFile(v module.Version) string {
	p, err := locate(v)
	if err != nil || !c.hasFile(p.base+".info") {
		return ""
	}
	return p.base + ".info"
}

// ReadsQuietly reports whether files can be read without that counting as a use (see Use): because
// this user can hide it, or because the file system does not record reads.
func (c *Cache) ReadsQuietly() bool { return osfile.HidesReads(c.dir) || !c.RecordsReads() }
