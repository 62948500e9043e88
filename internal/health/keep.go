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
	// Last returns the grade that was kept; "" if there is none.
	Last(ctx context.Context) (Grade, error)
	// Keep replaces it.
	Keep(ctx context.Context, g Grade, now time.Time) error
}

// kept is what is kept.
type kept struct {
	Grade Grade     `json:"grade"`
	Time  time.Time `json:"time"`
}

// maxKept bounds what is read, in bytes.
const maxKept = 4 << 10

// Decode reads a grade as it is kept.
func Decode(data []byte) (Grade, error) {
	var k kept
	if err := json.Unmarshal(data, &k); err != nil {
		return "", fmt.Errorf("last grade: %w", err)
	}
	switch k.Grade {
	case Healthy, Warning, Unhealthy:
		return k.Grade, nil
	}
	return "", fmt.Errorf("last grade: %.100q is none", k.Grade)
}

func encode(g Grade, now time.Time) []byte {
	data, _ := json.Marshal(kept{g, now.UTC().Truncate(time.Second)}) // a time that has JSON
	return append(data, '\n')
}

// FileKeeper keeps it in a file.
type FileKeeper struct{ Path string }

// Last implements Keeper.
func (k FileKeeper) Last(context.Context) (Grade, error) {
	data, err := os.ReadFile(k.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("last grade: %w", err)
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

// StoreKeeper keeps it in a small object of the scope, for jobs on machines that end with them.
type StoreKeeper struct {
	Store             store.Store
	Repo, Scope, Name string
}

func (k StoreKeeper) object() string { return snapshot.HealthObject(k.Repo, k.Scope, k.Name) }

// Last implements Keeper.
func (k StoreKeeper) Last(ctx context.Context) (Grade, error) {
	data, _, err := store.Get(ctx, k.Store, k.object(), maxKept)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("last grade: %w", err)
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
