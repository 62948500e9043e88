// Package jobstate is the file that a restore leaves for the save of the same job.
package jobstate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/org/gocache-action/internal/osfile"
)

// State is what a restore leaves for the save of the same job. A save works
// without it; with it, it knows what was used, and which objects need mending.
type State struct {
	Format int       `json:"format"`
	Store  string    `json:"store"`
	Repo   string    `json:"repo"`
	Scope  string    `json:"scope"`
	Time   time.Time `json:"time"` // start of the restore
	// Key is the exact key that was looked for, and Sums are the h1 of module trees by
	// "path@version" that its go.sum files have: a job that changes its module files is saved under
	// that key as well, else the next run of the same commit would not find it.
	Key     []string          `json:"key,omitempty"`
	Sums    map[string]string `json:"sums,omitempty"`
	Matched *Matched          `json:"matched,omitempty"` // nil after a miss
	Damaged []Damage          `json:"damaged,omitempty"`
	// StableTimes says that the restore gave the files of the project times that are made of their
	// content.
	StableTimes bool `json:"stableTimes,omitempty"`
	// KeptModules and KeptBuild say that the module cache and the build cache had something before
	// the first restore of the job: the machine keeps them, and other projects may use them, too.
	KeptModules bool `json:"keptModules,omitempty"`
	KeptBuild   bool `json:"keptBuild,omitempty"`
	// ZipsRebuilt says that the restore made the zips of modules from their trees.
	ZipsRebuilt bool `json:"zipsRebuilt,omitempty"`
	// Differs names what the job builds with other values of than the snapshot that was restored,
	// see package buildenv.
	Differs []string `json:"differs,omitempty"`
	// ToldDiffers says that the restore has warned of Differs.
	ToldDiffers bool `json:"toldDiffers,omitempty"`
	// Seconds is how long the restore took, Lost and Refused are how much it lost: what was missing
	// in the store or could not be written, and what did not pass verification.
	Seconds float64 `json:"seconds"`
	Lost    int     `json:"lost"`
	Refused int     `json:"refused"`
	// Unreachable says that the store did not answer, after all retries.
	Unreachable bool `json:"unreachable,omitempty"`
}

// Matched names the snapshot that was restored.
type Matched struct {
	Object string    `json:"object"`
	Scope  string    `json:"scope"`
	Key    []string  `json:"key"`
	Exact  bool      `json:"exact"`
	Saved  time.Time `json:"saved"`
}

// Damage names stored bytes that were missing or wrong.
type Damage struct {
	Object string `json:"object"`
	Frame  int    `json:"frame"` // of a pack; -1 for the whole object
	Reason string `json:"reason"`
	Kind   string `json:"kind"` // of the loss: missing or refused
}

// format is the version of the file. The two commands of a job are those of one program.
const format = 1

var errFormat = errors.New("unknown format")

// maxState bounds a state file, in bytes: a few hundred for each damage.
const maxState = 64 << 20

// Read reads a state file. No file is (nil, nil): nothing was restored.
func Read(path string) (*State, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("state file: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxState+1))
	if err != nil {
		return nil, fmt.Errorf("state file: %w", err)
	}
	if len(data) > maxState {
		return nil, fmt.Errorf("state file %s: more than %d bytes", path, maxState)
	}
	s := new(State)
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("state file %s: %w", path, err)
	}
	if s.Format != format {
		return nil, fmt.Errorf("state file %s: %w %d", path, errFormat, s.Format)
	}
	return s, nil
}

// ErrNotWritten is matched by the errors of Write.
var ErrNotWritten = errors.New("state file")

// Write writes a state file by rename, so that a killed restore leaves the old one or the new
// one. If it cannot, it removes the old one, whose notes are of another job.
func Write(path string, s State) error {
	s.Format = format
	data, err := json.MarshalIndent(s, "", "\t")
	if err == nil {
		err = osfile.Replace(path, data, 0o755)
	}
	if err != nil {
		os.Remove(path)
		return fmt.Errorf("%w: %w", ErrNotWritten, err)
	}
	return nil
}
