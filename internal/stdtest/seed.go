package stdtest

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// old is the age of entries that a new cache begins with: the go command marks what it uses when it
// is older than an hour.
const old = 2 * time.Hour

// recent is the age of what the go command that runs these tests has used, as long as such a run
// may take, or put into the cache. The cache of a machine can have a hundred times as much.
const recent = 2 * time.Hour

// seed lends a new cache what is in the build cache of the machine, where the go command that runs
// these tests has just put most of what is needed. Outputs are symbolic links, since the cache of
// the machine may lie on another file system. Where these do not work, all is compiled anew.
func seed(cache string) error {
	out, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		return err
	}
	from := strings.TrimSpace(string(out))
	actions, err := filepath.Glob(filepath.Join(from, "??", "*-a"))
	if err != nil {
		return err
	}
	for _, action := range actions {
		if info, err := os.Stat(action); err != nil || time.Since(info.ModTime()) > recent {
			continue
		}
		if err := lend(from, cache, action); err != nil {
			return err
		}
	}
	return nil
}

// lend takes over one action entry with its output, unless the output is gone or a directory, as
// that of a program is.
func lend(from, to, action string) error {
	data, err := os.ReadFile(action)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	output, ok := outputOf(data)
	if !ok {
		return nil
	}
	if info, err := os.Lstat(filepath.Join(from, output)); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	entry := filepath.Join(to, filepath.Base(filepath.Dir(action)), filepath.Base(action))
	for _, dir := range []string{filepath.Dir(entry), filepath.Join(to, filepath.Dir(output))} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return err
		}
	}
	// several actions may have one output
	if err := os.Symlink(filepath.Join(from, output), filepath.Join(to, output)); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	then := time.Now().Add(-old)
	return errors.Join(os.WriteFile(entry, data, 0o666), os.Chtimes(entry, then, then))
}

// outputOf returns the name of the output of an action entry, "v1 <action> <output> ...".
func outputOf(entry []byte) (string, bool) {
	fields := bytes.Fields(entry)
	if len(fields) != 5 || len(fields[2]) != 64 {
		return "", false
	}
	id := string(fields[2])
	return filepath.Join(id[:2], id+"-d"), true
}

// prune removes what nothing has used since seed, and replaces links by copies.
func prune(cache string) error {
	files, err := filepath.Glob(filepath.Join(cache, "??", "*-[ad]"))
	if err != nil {
		return err
	}
	needed := map[string]bool{}
	for _, file := range files {
		if !strings.HasSuffix(file, "-a") {
			continue
		}
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if output, ok := outputOf(data); ok && time.Since(info.ModTime()) < old/2 {
			needed[file], needed[filepath.Join(cache, output)] = true, true
		}
	}
	for _, file := range files {
		var err error
		if needed[file] {
			err = own(file)
		} else {
			err = os.Remove(file)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// own replaces a link by what it leads to.
func own(file string) error {
	if info, err := os.Lstat(file); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return errors.Join(os.Remove(file), os.WriteFile(file, data, 0o666))
}
