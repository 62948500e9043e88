package objects

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/usage"
)

// A mark stands for one version of an object that was verified, and for what manifests said of it.
type mark [16]byte

func markOf(e store.Entry, said []claim) (m mark) {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%d\n", e.Name, e.Version, e.Size)
	for _, c := range said {
		fmt.Fprintf(h, "%d %x\n", c.size, c.content)
	}
	copy(m[:], h.Sum(nil))
	return m
}

// state notes what is verified, so that an interrupted run can go on. It is written by a rename,
// now and then and at the end. With file "" it does nothing. Not safe for concurrent use.
//
// The file is two lines of text, the marks, and the SHA-256 of all that.
type state struct {
	file, store string
	before      map[mark]bool // of earlier runs
	marks       []byte        // all
	written     time.Time
}

const stateHead = "gocache-verify 1\nstore %s\n"

// stateEvery is how often the file is written. A run that was killed reads again what it verified
// since.
const stateEvery = 5 * time.Second

// openState reads the file, if there is one. One of another store is not overwritten.
func openState(file, storeName string) (*state, error) {
	s := &state{file: file, store: storeName, before: map[mark]bool{}, written: time.Now()}
	if file == "" {
		return s, nil
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return s, s.write() // now rather than after an hour it shows that it cannot be written
	}
	if err != nil {
		return nil, err
	}
	head := fmt.Appendf(nil, stateHead, storeName)
	n := len(data) - sha256.Size
	switch {
	case !bytes.HasPrefix(data, head):
		return nil, usage.Errorf("--resume: %s is not the state of a verify of %s", file, storeName)
	case n < len(head) || sha256.Sum256(data[:n]) != [sha256.Size]byte(data[n:]) || (n-len(head))%len(mark{}) != 0:
		return nil, usage.Errorf("--resume: %s is damaged", file)
	}
	s.marks = data[len(head):n:n]
	for m := s.marks; len(m) > 0; m = m[len(mark{}):] {
		s.before[mark(m)] = true
	}
	return s, nil
}

// has reports whether an earlier run has verified an object.
func (s *state) has(m mark) bool { return s.before[m] }

// add notes an object.
func (s *state) add(m mark) error {
	if s.file == "" {
		return nil
	}
	s.marks = append(s.marks, m[:]...)
	if time.Since(s.written) < stateEvery {
		return nil
	}
	return s.write()
}

// write writes the file.
func (s *state) write() error {
	if s.file == "" {
		return nil
	}
	data := append(fmt.Appendf(nil, stateHead, s.store), s.marks...)
	sum := sha256.Sum256(data)
	s.written = time.Now()
	if err := osfile.Replace(s.file, append(data, sum[:]...), 0o777); err != nil {
		return fmt.Errorf("--resume: %w", err)
	}
	return nil
}

// remove removes the file: the next run begins anew.
func (s *state) remove() error {
	if s.file == "" {
		return nil
	}
	return osfile.Remove(s.file)
}
