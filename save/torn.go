package save

import (
	"errors"
	"io"

	"github.com/org/gocache-action/internal/snapshot"
)

// errTorn: a file that was whole a moment ago could not be read again while it was packed. Nothing
// can be taken out of a pack, so that the pack is built anew; then the file is found out, and left
// out.
type errTorn struct{ error }

func (e errTorn) Unwrap() error { return e.error }

// tornTries bounds how often a pack is built whose files change all the time.
const tornTries = 3

// untorn calls build until no file was torn. If that never happens, the pack is left out: the rest
// of the save does not depend on it.
func (r *run) untorn(what string, build func() error) error {
	var torn errTorn
	for range tornTries {
		err := build()
		if !errors.As(err, &torn) {
			return err
		}
	}
	r.tally.warn("%s is not saved: %v", what, torn)
	return nil
}

// addRead adds a file to a pack, and tells its failures from those of the pack by the file alone:
// what goes wrong with an upload can be an unexpected EOF as well.
func addRead(w *snapshot.Writer, m snapshot.Member, in io.Reader) (snapshot.Location, error) {
	src := &sourceReader{r: in}
	loc, err := w.Add(m, src)
	if err != nil && (src.failed || src.ended && src.n < m.Size) {
		err = errTorn{err}
	}
	return loc, err
}
