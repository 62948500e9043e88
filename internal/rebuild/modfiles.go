package rebuild

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/org/gocache-action/internal/osfile"
)

// readFiles reads module files.
func readFiles(files []string) (map[string][]byte, error) {
	texts := map[string][]byte{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		texts[file] = data
	}
	return texts, nil
}

// unchanged compares module files with what they were.
func unchanged(texts map[string][]byte) error {
	for file, text := range texts {
		if now, err := os.ReadFile(file); err != nil {
			return err
		} else if !bytes.Equal(now, text) {
			return fmt.Errorf("%s would change, it is not complete: run go mod tidy, and try again", file)
		}
	}
	return nil
}

// putFilesBack writes module files again that are not what they were.
func putFilesBack(texts map[string][]byte) error {
	var errs []error
	for file, text := range texts {
		if now, err := os.ReadFile(file); err == nil && bytes.Equal(now, text) {
			continue
		}
		errs = append(errs, os.WriteFile(file, text, 0o666)) // the mode of a file that exists stays
	}
	return errors.Join(errs...)
}

// backUp copies a file to a directory, under its own name, with a number if that is taken.
func backUp(file, dir string) (to string, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
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
