package rebuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/org/gocache-action/internal/osfile"
)

// command runs a go command in the project, which must not change the files. What it notes in
// go.work.sum, as every go command does in a workspace, is taken back at once.
func (r *rebuilding) command(ctx context.Context, files, env []string, args ...string) (out []byte, err error) {
	before, err := readFiles(append(workSums(r.Files), files...))
	if err != nil {
		return nil, err
	}
	defer func() {
		copies, wrong := putBack(before, r.Backup)
		r.res.Backups = append(r.res.Backups, copies...)
		err = errors.Join(err, wrong)
	}()
	return r.Go(ctx, r.Dir, env, args...)
}

// workSums names the go.work.sum beside a go.work, which need not exist.
func workSums(files []string) (list []string) {
	for _, file := range files {
		if filepath.Ext(file) == ".work" {
			list = append(list, file+".sum")
		}
	}
	return list
}

func isWorkSum(file string) bool { return strings.HasSuffix(file, ".work.sum") }

// readFiles reads module files. The text of one that does not exist is nil.
func readFiles(files []string) (map[string][]byte, error) {
	texts := map[string][]byte{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		texts[file] = data
	}
	return texts, nil
}

// putBack writes files again that a go command has changed, and returns an error if it must not
// have. A user can have changed them at the same time, so that what is overwritten is copied first.
func putBack(before map[string][]byte, backup string) (copies []string, err error) {
	now, err := readFiles(slices.Sorted(maps.Keys(before)))
	if err != nil {
		return nil, err
	}
	for file, text := range before {
		switch {
		case bytes.Equal(now[file], text):
		case isWorkSum(file):
			if adds(now[file], text) { // else it is not the work of a go command
				err = errors.Join(err, replace(file, text))
			}
		default:
			wrote, errCopy := backUp(file, backup)
			if errCopy != nil {
				err = errors.Join(err, fmt.Errorf("%s has changed, and stays so: %w", file, errCopy))
				continue
			}
			copies = append(copies, wrote)
			err = errors.Join(err, replace(file, text),
				fmt.Errorf("%s would change, it is not complete: run go mod tidy, and try again (what it became is in %s)", file, wrote))
		}
	}
	return copies, err
}

// adds reports whether a text has all lines of another one.
func adds(text, other []byte) bool {
	have := map[string]bool{}
	for line := range bytes.Lines(text) {
		have[strings.TrimSpace(string(line))] = true
	}
	for line := range bytes.Lines(other) {
		if !have[strings.TrimSpace(string(line))] {
			return false
		}
	}
	return true
}

// replace gives an existing file another text by a rename; nil: it removes the file.
func replace(file string, text []byte) error {
	if text == nil {
		return osfile.Remove(file)
	}
	file, err := filepath.EvalSymlinks(file)
	if err != nil {
		return err
	}
	st, err := os.Stat(file)
	if err != nil {
		return err
	}
	return osfile.ReplaceMode(file, text, 0o777, st.Mode().Perm())
}

// backUp copies a file to a directory, under its own name, with a number if that is taken.
func backUp(file, dir string) (to string, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	for n := 0; ; n++ {
		to = filepath.Join(dir, filepath.Base(file))
		if n > 0 {
			to += fmt.Sprintf(".%d", n)
		}
		f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, os.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = f.Write(data)
		if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
			_ = osfile.Remove(to)
		}
		return to, err
	}
}
