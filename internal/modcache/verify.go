package modcache

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"golang.org/x/mod/module"
)

// Small is a small file of a version in cache/download.
type Small string

// The small files.
const (
	Info    Small = ".info"
	GoMod   Small = ".mod"
	ZipHash Small = ".ziphash"
)

// ErrTooLarge means that a small file has more bytes than any that belongs to a version.
var ErrTooLarge = errors.New("too large")

// ReadSmall reads a small file of a version. One that is missing or empty is nil, as to the go
// command. The error is ErrTooLarge, or one of reading, which says nothing of the content.
func (c *Cache) ReadSmall(v module.Version, s Small) ([]byte, error) {
	p, err := locate(v)
	if err != nil {
		return nil, err
	}
	f, err := c.OpenFile(p.base + string(s))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	limit := smallLimits[string(s)]
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s of %s is %w: more than %d bytes", s, v, ErrTooLarge, limit)
	}
	if err != nil || len(data) == 0 {
		return nil, err
	}
	return data, nil
}

// CheckSmall checks what can be said of a small file of a version without knowing its hash.
func CheckSmall(v module.Version, s Small, data []byte) error {
	switch s {
	case Info:
		return checkInfo(v, data)
	case GoMod:
		return checkMod(v, data)
	}
	if !validSum(string(bytes.TrimSpace(data))) {
		return fmt.Errorf(".ziphash of %s is invalid", v)
	}
	return nil
}

// HashZip computes the h1 hash of the zip of a version. The error is fs.ErrNotExist if there is
// none; any other one says that it cannot be read, or has what no zip of the version has.
func (c *Cache) HashZip(ctx context.Context, v module.Version) (sum string, bytes int64, err error) {
	p, err := locate(v)
	if err != nil {
		return "", 0, err
	}
	z, err := zip.OpenReader(c.path(p.base + ".zip"))
	if err != nil {
		return "", 0, err
	}
	defer z.Close()
	var tree TreeHash
	err = eachInZip(ctx, z, v, func(name string, s [sha256.Size]byte, n int64) {
		tree.Add(name, s)
		bytes += n
	})
	return tree.Sum(), bytes, err
}

// eachInZip hashes the files of the zip of v, and calls do with the full name of each.
func eachInZip(ctx context.Context, z *zip.ReadCloser, v module.Version, do func(name string, sum [sha256.Size]byte, bytes int64)) error {
	prefix := v.Path + "@" + v.Version + "/"
	seen := make(map[string]bool, len(z.File))
	for _, f := range z.File {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case !strings.HasPrefix(f.Name, prefix) || strings.Contains(f.Name, "\n"):
			return fmt.Errorf("the zip of %s has a file %.300q", v, f.Name)
		case seen[f.Name]:
			return fmt.Errorf("the zip of %s has %.300q twice", v, f.Name)
		}
		seen[f.Name] = true
		sum, err := sumOf(f)
		if err != nil {
			return fmt.Errorf("%.300s: %w", f.Name, err)
		}
		do(f.Name, sum, int64(f.UncompressedSize64))
	}
	return nil
}
