package modcache

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/osfile"
)

// InstallGraphFile writes one of the files that GraphFiles lists: a .mod or .info of a version, or
// a file of the checksum database. The file appears by one rename. An existing valid file is left
// alone, even if it differs; an empty or invalid one is replaced. Any other name, and invalid data,
// is an error.
//
// verified means that data has been verified, a .mod with the "/go.mod" line of go.sum: then an
// existing .mod that differs is replaced, because the go command would reject it as not matching
// go.sum.
func (s *Stage) InstallGraphFile(name string, data []byte, verified bool) (written bool, err error) {
	check, err := graphFile(name)
	if err == nil {
		err = check(data)
	}
	if err != nil {
		return false, fmt.Errorf("module cache: %.300q: %w", name, err)
	}
	path := s.c.path(name)
	if old, err := osfile.ReadQuietly(path); err == nil && check(old) == nil {
		if !verified || !strings.HasSuffix(name, ".mod") || bytes.Equal(old, data) {
			return false, nil
		}
	}
	if err := s.place(path, data); err != nil {
		return false, fmt.Errorf("installing %s: %w", name, err)
	}
	return true, nil
}

func (s *Stage) place(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	temp, err := s.newFile()
	if err != nil {
		return err
	}
	err = writeAndRename(temp, path, data)
	if err != nil {
		os.Remove(temp)
	}
	return err
}

// GraphVersion returns the version that a file of GraphFiles belongs to; false for one of the
// checksum database.
func GraphVersion(name string) (v module.Version, ok bool) {
	suffix := filepath.Ext(name)
	esc, ver, ok := strings.Cut(strings.TrimPrefix(name, downloadDir+"/"), "/@v/")
	if !ok || strings.HasPrefix(name, sumdbDir+"/") {
		return v, false
	}
	v, err := unescape(esc, strings.TrimSuffix(ver, suffix))
	return v, err == nil
}

// graphFile returns the check of the content of a file that InstallGraphFile may write.
func graphFile(name string) (check func([]byte) error, err error) {
	if len(name) > MaxName {
		return nil, fmt.Errorf("name of %d bytes", len(name))
	}
	if rest, ok := strings.CutPrefix(name, sumdbDir+"/"); ok {
		return func(data []byte) error { return checkSumdb(rest, data) }, module.CheckFilePath(rest)
	}
	suffix := name[strings.LastIndexByte(name, '.')+1:]
	esc, ver, ok := strings.Cut(strings.TrimPrefix(name, downloadDir+"/"), "/@v/")
	v, err := unescape(esc, strings.TrimSuffix(ver, "."+suffix))
	if !ok || err != nil {
		return nil, errors.Join(errors.New("not a file of the module graph"), err)
	}
	// The round trip makes sure that no other spelling of the name passes.
	if p, err := locate(v); err != nil || name != p.base+"."+suffix {
		return nil, errors.Join(errors.New("not a file of the module graph"), err)
	}
	switch suffix {
	case "info":
		return func(data []byte) error { return checkGraphSize(data, MaxInfo, checkInfo(v, data)) }, nil
	case "mod":
		return func(data []byte) error { return checkGraphSize(data, MaxGoMod, checkMod(v, data)) }, nil
	}
	return nil, errors.New("not a file of the module graph")
}

func checkGraphSize(data []byte, limit int, err error) error {
	if len(data) > limit {
		return fmt.Errorf("%d bytes, more than %d", len(data), limit)
	}
	return err
}

// hashTile matches the names of hash tiles, whose size is known: 32 bytes for each of 256 hashes,
// or of as many as the number after ".p/" says (https://go.dev/design/25530-sumdb). Data tiles
// (tile/8/data) are text.
var hashTile = regexp.MustCompile(`^[^/]+/tile/8/[0-9]+/[x0-9/]+(?:\.p/([0-9]+))?$`)

// checkSumdb checks that a cached answer of the checksum database is not cut off. The go command
// verifies what it reads from there.
func checkSumdb(rest string, data []byte) error {
	if len(data) == 0 || len(data) > MaxInfo {
		return fmt.Errorf("%d bytes", len(data))
	}
	m := hashTile.FindStringSubmatch(rest)
	if m == nil {
		if bytes.IndexByte(data, 0) >= 0 {
			return errors.New("holds NUL bytes")
		}
		return nil
	}
	want := 256
	if m[1] != "" {
		want, _ = strconv.Atoi(m[1])
	}
	if len(data) != want*32 {
		return fmt.Errorf("%d bytes, want %d", len(data), want*32)
	}
	return nil
}
