// Package gcnotes is the stored form of the notes of garbage collection: which objects no manifest
// names, and which collections are running. Package gc writes them, saves read them; docs/gc.md
// explains why.
package gcnotes

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/snapshot"
)

// Object is the name of the object that has the notes.
const Object = snapshot.Root + "gc/unnamed"

// Max is how many objects are noted at most; others are noted once those are gone. It bounds the
// memory of a save, which holds the notes, to 40 MiB. MaxSize bounds the stored bytes.
const (
	Max     = 2 << 20
	MaxSize = Max*noteSize + 1<<20
)

// A Fingerprint stands for an object name: the first half of its SHA-256.
type Fingerprint [16]byte

// FingerprintOf returns the fingerprint of an object name.
func FingerprintOf(name string) (f Fingerprint) {
	sum := sha256.Sum256([]byte(name))
	return Fingerprint(sum[:len(f)])
}

// A Collection is a garbage collection that is running, or that was killed.
type Collection struct {
	ID    string    `json:"id"`    // random
	Start time.Time `json:"start"` // by the clock of its machine
}

// collectionLimit exceeds the time that a collection may run (half a day, gc.MaxRun) by more than
// the clocks of two machines differ.
const collectionLimit = 72 * time.Hour

// Active reports whether the collection may still be removing objects.
func (c Collection) Active(now time.Time) bool { return now.Sub(c.Start).Abs() < collectionLimit }

// An Unnamed is the notes of garbage collection. It is stored as
//
//	gocache-unnamed 1
//	sha256 <hex of all that follows the empty line>
//	<empty line>
//	<a line of JSON: the running collections, and the number of notes>
//	<for each note, sorted: fingerprint, time in Unix seconds as 4 bytes, little-endian>
type Unnamed struct {
	Running []Collection
	Notes   []Note // sorted by fingerprint, each once
}

// A Note says since when an object is known to be unnamed.
type Note struct {
	Object Fingerprint
	Since  uint32 // Unix seconds, by the store's clock
}

// Find returns the index of the note about an object.
func (u *Unnamed) Find(f Fingerprint) (int, bool) {
	return slices.BinarySearchFunc(u.Notes, f, func(n Note, f Fingerprint) int { return bytes.Compare(n.Object[:], f[:]) })
}

// format is the version of the stored form.
const format = 1

const (
	magic    = "gocache-unnamed "
	noteSize = 16 + 4
)

// header is the line of JSON.
type header struct {
	Running []Collection `json:"running,omitempty"`
	Notes   int          `json:"notes"`
}

// Encode returns the stored form of n sorted notes.
func Encode(running []Collection, notes iter.Seq[Note], n int) ([]byte, error) {
	line, err := json.Marshal(header{running, n})
	if err != nil {
		return nil, err
	}
	const hexAt = len(magic + "1\nsha256 ")
	head := fmt.Sprintf("%s%d\nsha256 %064d\n\n", magic, format, 0)
	b := make([]byte, 0, len(head)+len(line)+1+n*noteSize)
	b = append(append(append(b, head...), line...), '\n')
	for note := range notes {
		b = append(b, note.Object[:]...)
		b = binary.LittleEndian.AppendUint32(b, note.Since)
	}
	sum := sha256.Sum256(b[len(head):])
	hex.Encode(b[hexAt:], sum[:])
	return b, nil
}

// Decode reads the stored form. It returns only the notes for which keep is true, because a save
// needs a few of very many. A later format is snapshot.ErrFormat; anything else that is incomplete
// or damaged is snapshot.ErrCorrupt.
func Decode(r io.Reader, keep func(Fingerprint) bool) (*Unnamed, error) {
	br := bufio.NewReaderSize(r, 1<<16)
	want, err := readHead(br)
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	u, err := readBody(bufio.NewReaderSize(io.TeeReader(br, h), 1<<16), keep)
	if err != nil {
		return nil, corrupt(err)
	}
	if hex.EncodeToString(h.Sum(nil)) != want {
		return nil, corrupt(errors.New("hash"))
	}
	return u, nil
}

func corrupt(err error) error {
	return fmt.Errorf("%w: notes of garbage collection: %w", snapshot.ErrCorrupt, err)
}

// readHead reads the plain lines and returns the hash in them.
func readHead(br *bufio.Reader) (sum string, err error) {
	var lines []string
	for len(lines) < 16 {
		line, err := readLine(br, 4096)
		if err != nil {
			return "", corrupt(err)
		}
		if string(line) == "\n" {
			return sum, nil
		}
		lines = append(lines, strings.TrimSuffix(string(line), "\n"))
		if len(lines) == 1 {
			version, ok := strings.CutPrefix(lines[0], magic)
			if !ok {
				return "", corrupt(errors.New("wrong first line"))
			}
			if n, err := strconv.Atoi(version); err != nil || n != format {
				return "", fmt.Errorf("%w %q of the notes of garbage collection", snapshot.ErrFormat, version)
			}
		}
		if s, ok := strings.CutPrefix(lines[len(lines)-1], "sha256 "); ok {
			sum = s
		}
	}
	return "", corrupt(errors.New("header does not end"))
}

func readBody(br *bufio.Reader, keep func(Fingerprint) bool) (*Unnamed, error) {
	line, err := readLine(br, 1<<20)
	if err != nil {
		return nil, err
	}
	var head header
	if err := json.Unmarshal(line, &head); err != nil {
		return nil, err
	}
	if head.Notes < 0 || head.Notes > Max {
		return nil, fmt.Errorf("%d notes", head.Notes)
	}
	u := &Unnamed{Running: head.Running}
	var b [noteSize]byte
	var last Fingerprint
	for i := range head.Notes {
		if _, err := io.ReadFull(br, b[:]); err != nil {
			return nil, err
		}
		n := Note{Fingerprint(b[:16]), binary.LittleEndian.Uint32(b[16:])}
		if i > 0 && bytes.Compare(last[:], n.Object[:]) >= 0 {
			return nil, errors.New("notes out of order")
		}
		if last = n.Object; keep(n.Object) {
			u.Notes = append(u.Notes, n)
		}
	}
	if _, err := br.ReadByte(); err != io.EOF {
		return nil, errors.New("data behind the notes")
	}
	return u, nil
}

// readLine reads up to the first line feed, which must come within limit bytes.
func readLine(r *bufio.Reader, limit int) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if line = append(line, part...); len(line) > limit {
			return nil, errors.New("header too long")
		}
		if err != bufio.ErrBufferFull {
			return line, err
		}
	}
}
