package summary

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// MaxFile is the most that GitHub takes as the summary of one step, in bytes. Of a step with more
// it shows nothing.
const MaxFile = 1 << 20

// ErrFull says that a file has no room for even a short section.
var ErrFull = errors.New("summary: no room left in the file")

// Append adds a section to a file, which it makes if need be. Others may have written to it before,
// and write to it at the same time: the section goes in with one write. Where the file would become
// larger than MaxFile, only the short form is written; where that does not fit either, nothing, and
// the error is ErrFull.
func Append(path string, s *Section) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return fmt.Errorf("summary: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		size = 0 // a pipe, which has no size, and no beginning to keep apart from
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
