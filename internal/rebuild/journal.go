package rebuild

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/org/gocache-action/internal/osfile"
)

// A journal says all that is needed to bring back what was set aside of one cache, or that it is
// not to be brought back. It is written before the first rename.
type journal struct {
	Began time.Time `json:"began"`
	Step  Name      `json:"step"` // the last one that was begun
	// Whole means that the directory was set aside as a whole: what is there and neither a unit nor
	// kept has been made since.
	Whole bool `json:"whole"`
	// Build means that it is a build cache.
	Build bool `json:"build,omitempty"`
	// Units are names relative to the cache, with slashes: what is, or is about to be, set aside.
	Units []string `json:"units"`
	// Done means that the new cache is whole, and what was set aside is to be deleted.
	Done bool `json:"done"`
}

const journalFile = "journal.json"

// readJournal returns nil if there is none.
func readJournal(dir string) (*journal, error) {
	file := filepath.Join(dir, journalFile)
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var j journal
	if err := json.Unmarshal(data, &j); err != nil {
		return nil, fmt.Errorf("%s cannot be read, so that what lies in %s must be moved back by hand: %w", file, filepath.Join(dir, oldDir), err)
	}
	for _, unit := range j.Units {
		if !filepath.IsLocal(filepath.FromSlash(unit)) {
			return nil, fmt.Errorf("%s: %.300q is not a name in the cache", file, unit)
		}
	}
	return &j, nil
}

// write makes the journal durable: after a loss of power it says what the renames after it did.
func (j *journal) write(dir string) error {
	data, err := json.MarshalIndent(j, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, journalFile+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = osfile.Rename(f.Name(), filepath.Join(dir, journalFile))
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("writing the journal: %w", err)
	}
	syncDir(dir)
	return nil
}

// syncDir makes renames in a directory durable, where the system can do that.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync() // Windows cannot
		d.Close()
	}
}
