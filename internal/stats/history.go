package stats

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/org/gocache-action/internal/osfile"
)

// Bounds of the history: all of the last 90 days, before that one a day, and never more lines than
// somebody would write who records every ten minutes.
const (
	wholeFor = 90 * day
	maxLines = 13_000
	maxBytes = 32 << 20
	lockWait = 10 * time.Second
)

// ErrNoHistory says that a file has something else in it.
var ErrNoHistory = errors.New("not a history of gocache stats")

// ReadHistory reads the records of a file; none if there is no such file. Lines that cannot be
// read, such as one that was cut off, are counted.
func ReadHistory(file string) (list []Record, bad int, err error) {
	lines, err := readLines(file)
	if err != nil {
		return nil, 0, err
	}
	for _, l := range lines {
		if l.ok {
			list = append(list, l.Record)
		} else {
			bad++
		}
	}
	return list, bad, nil
}

// line is one line of the file as it stands there.
type line struct {
	text []byte // without its end
	Record
	ok bool
}

func readLines(file string) ([]line, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	if len(data) > maxBytes {
		return nil, fmt.Errorf("history %s: %w: more than %d bytes", file, ErrNoHistory, maxBytes)
	}
	var list []line
	known := false
	for text := range bytes.Lines(data) {
		text = bytes.TrimSpace(text)
		if len(text) == 0 {
			continue
		}
		l := line{text: text}
		l.ok = json.Unmarshal(text, &l.Record) == nil && !l.Time.IsZero()
		known = known || l.ok
		list = append(list, l)
	}
	if len(list) > 0 && !known { // whoever mistyped a name is not to lose the file
		return nil, fmt.Errorf("history %s: %w", file, ErrNoHistory)
	}
	return list, nil
}

// AppendHistory adds a record, and thins the file out when it is due. Several processes may do so
// at once.
func AppendHistory(ctx context.Context, file string, r Record) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	lock := flock.New(file+".lock", flock.SetPermissions(0o666)) // several users may record
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	if _, err := lock.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return fmt.Errorf("history: lock %s: %w", lock.Path(), err)
	}
	defer func() { _ = lock.Unlock() }() // the file stays, or two could hold locks on different ones
	lines, err := readLines(file)
	if err != nil {
		return err
	}
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	kept := thin(lines, r.Time)
	if len(kept) < len(lines) {
		err = rewrite(file, append(kept, line{text: text}))
	} else {
		err = appendLine(file, text)
	}
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	return nil
}

// thin leaves out what is beyond the bounds. Lines that cannot be read stay where they are, as
// another version may have written them, as long as there is room.
func thin(lines []line, now time.Time) []line {
	kept := make([]line, 0, len(lines))
	for i, l := range lines {
		old := l.ok && now.Sub(l.Time) > wholeFor
		if old && i+1 < len(lines) && lines[i+1].ok && sameDay(l.Record, lines[i+1].Record) && sameThings(l.Record, lines[i+1].Record) {
			continue
		}
		kept = append(kept, l)
	}
	return kept[max(0, len(kept)+1-maxLines):]
}

// appendLine adds a line with one write. One that was cut off before is ended first.
func appendLine(file string, text []byte) error {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return err
	}
	data := append(bytes.Clone(text), '\n')
	if st, err := f.Stat(); err == nil && st.Size() > 0 {
		var last [1]byte
		if _, err := f.ReadAt(last[:], st.Size()-1); err == nil && last[0] != '\n' {
			data = append([]byte{'\n'}, data...)
		}
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// rewrite replaces the file. Its mode stays: others may read it, or add to it.
func rewrite(file string, lines []line) error {
	st, err := os.Stat(file)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	for _, l := range lines {
		b.Write(l.text)
		b.WriteByte('\n')
	}
	return osfile.ReplaceMode(file, b.Bytes(), 0o777, st.Mode().Perm())
}
