package health

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// A Keeper keeps the last grade, so that others are told of a new one only.
type Keeper interface {
	// Last returns what was kept; its zero value if there is nothing.
	Last(ctx context.Context) (Kept, error)
	// Keep replaces it.
	Keep(ctx context.Context, g Grade, now time.Time) error
}

// Kept is a grade, and when it was kept.
type Kept struct {
	Grade Grade     `json:"grade"`
	Time  time.Time `json:"time"`
}

// maxKept bounds what is read, in bytes.
const maxKept = 4 << 10

// Decode reads a grade as it is kept.
func Decode(data []byte) (Kept, error) {
	var k Kept
	if err := json.Unmarshal(data, &k); err != nil {
		return Kept{}, fmt.Errorf("last grade: %w", err)
	}
	switch k.Grade {
	case Healthy, Warning, Unhealthy:
		return k, nil
	}
	return Kept{}, fmt.Errorf("last grade: %.100q is none", k.Grade)
}

func encode(g Grade, now time.Time) []byte {
	data, _ := json.Marshal(Kept{g, now.UTC().Truncate(time.Second)}) // a time that has JSON
	return append(data, '\n')
}

// FileKeeper keeps it in a file.
type FileKeeper struct{ Path string }

// Last implements Keeper.
func (k FileKeeper) Last(context.Context) (Kept, error) {
	data, err := os.ReadFile(k.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return Kept{}, nil
	}
	if err != nil {
		return Kept{}, fmt.Errorf("last grade: %w", err)
	}
	return Decode(data)
}

// Keep implements Keeper.
func (k FileKeeper) Keep(_ context.Context, g Grade, now time.Time) error {
	if err := osfile.Replace(k.Path, encode(g, now), 0o755); err != nil {
		return fmt.Errorf("last grade: %w", err)
	}
	return nil
}

// forget removes the file.
func (k FileKeeper) forget() error {
	if err := os.Remove(k.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("last grade: %w", err)
	}
	return nil
}

// StoreKeeper keeps it in a small object of the scope, for jobs on machines that end with them.
type StoreKeeper struct {
	Store             store.Store
	Repo, Scope, Name string
}

func (k StoreKeeper) object() string { return snapshot.HealthObject(k.Repo, k.Scope, k.Name) }

// Last implements Keeper.
func (k StoreKeeper) Last(ctx context.Context) (Kept, error) {
	data, _, err := store.Get(ctx, k.Store, k.object(), maxKept)
	if errors.Is(err, store.ErrNotFound) {
		return Kept{}, nil
	}
	if err != nil {
		return Kept{}, fmt.Errorf("last grade: %w", err)
	}
	return Decode(data)
}

// Keep implements Keeper.
func (k StoreKeeper) Keep(ctx context.Context, g Grade, now time.Time) error {
	data := encode(g, now)
	_, err := k.Store.Put(ctx, k.object(), bytes.NewReader(data), int64(len(data)), store.Condition{})
	if err != nil {
		return fmt.Errorf("last grade: %w", err)
	}
	return nil
}

// BothKeeper keeps it in the store, and in the file only what the store did not take: with
// credentials that only read, or in an outage. So the newer of the two is the last one, and a file
// does not outlive what the store has.
type BothKeeper struct {
	Store StoreKeeper
	File  FileKeeper // without a Path there is none
}

// Last implements Keeper. A grade beside an error is what one of the two has.
func (k BothKeeper) Last(ctx context.Context) (Kept, error) {
	last, err := k.Store.Last(ctx)
	if k.File.Path == "" {
		return last, err
	}
	file, fileErr := k.File.Last(ctx)
	if last.Grade == "" || file.Grade != "" && !file.Time.Before(last.Time) {
		last = file
	}
	return last, errors.Join(err, fileErr)
}

// Keep implements Keeper.
func (k BothKeeper) Keep(ctx context.Context, g Grade, now time.Time) error {
	err := k.Store.Keep(ctx, g, now)
	switch {
	case k.File.Path == "":
		return err
	case err == nil:
		return k.File.forget()
	}
	return k.File.Keep(ctx, g, now)
}

// CanKeep reports whether a store can hold a grade: not one that is only read, and not one of few
// and dear entries, where only saves can write.
func CanKeep(ctx context.Context, s store.Store) bool {
	if _, dear := s.(store.Bundler); dear {
		return false
	}
	return store.Writable(ctx, s) == nil
}

// IsNews reports whether others are to be told of a grade: if it is not the last one, or if it is
// the first and not the best. That nothing is known is no grade.
func IsNews(last, now Grade) bool {
	return now != Unknown && now != last && (last != "" || now != Healthy)
}
