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

// seed lends a new cache what is in the build cache of the machine, where the go command that runs
// these tests has just put most of what is needed. Outputs are linked, not copied. Where that does
// not work, as between file systems, it is compiled anew.
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
	if err := os.Link(filepath.Join(from, output), filepath.Join(to, output)); err != nil && !errors.Is(err, fs.ErrExist) {
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

// prune removes what nothing has used since seed.
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
		if !needed[file] {
			if err := os.Remove(file); err != nil {
				return err
			}
		}
	}
	return nil
}
