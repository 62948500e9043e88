package summary

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// MaxFile is the largest summary of one step that GitHub accepts, in bytes. If a summary is larger,
// GitHub shows nothing of it.
const MaxFile = 1 << 20

// ErrFull means that the file has no room, not even for a short section.
var ErrFull = errors.New("summary: no room left in the file")

// Append adds a section to a file, and creates the file if need be. Other programs may have written
// to it, and may do so at the same time, so the section is written by one call. If the file would
// become larger than MaxFile, only the short form is written; if that does not fit either, nothing
// is, and the error is ErrFull.
func Append(path string, s *Section) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return fmt.Errorf("summary: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		size = 0 // a pipe has no size, and needs no gap
	}
	gap := ""
	if size > 0 {
		gap = "\n\n" // the last line before may not have ended
	}
	for _, form := range []func() string{s.Markdown, s.Short} {
		if section := gap + form(); size+int64(len(section)) <= MaxFile {
			if _, err := io.WriteString(f, section); err != nil {
				return fmt.Errorf("summary: %w", err)
			}
			return nil
		}
	}
	return fmt.Errorf("%w: %s has %d bytes", ErrFull, path, size)
}
