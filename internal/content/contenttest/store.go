package contenttest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"sync"

	"github.com/org/gocache-action/internal/store"
)

// Store is a store in memory. Safe for concurrent use; mu guards the maps and lists.
type Store struct {
	// OnOpen, unless it is nil, is called with each read, and may replace its answer. It is set
	// before the store is used.
	OnOpen func(ctx context.Context, name string, body []byte) ([]byte, error)

	mu      sync.Mutex
	objects map[string][]byte
	reads   []string
}

// Set stores an object; nil removes it.
func (s *Store) Set(name string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.objects == nil {
		s.objects = map[string][]byte{}
	}
	if s.objects[name] = data; data == nil {
		delete(s.objects, name)
	}
}

// Change changes one byte of an object.
func (s *Store) Change(name string, at int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data := bytes.Clone(s.objects[name])
	data[at] ^= 0xff
	s.objects[name] = data
}

// Reads lists which objects were opened, in that order.
func (s *Store) Reads() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.reads...)
}

func (s *Store) get(name string) ([]byte, store.Info, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, ok := s.objects[name]
	if !ok {
		return nil, store.Info{}, fmt.Errorf("read %s: %w", name, store.ErrNotFound)
	}
	sum := sha256.Sum256(data)
	return data, store.Info{Size: int64(len(data)), Version: store.Version(hex.EncodeToString(sum[:]))}, nil
}

// Open implements store.Store.
func (s *Store) Open(ctx context.Context, name string, off, length int64) (io.ReadCloser, store.Info, error) {
	s.mu.Lock()
	s.reads = append(s.reads, name)
	s.mu.Unlock()
	if ctx.Err() != nil {
		return nil, store.Info{}, store.Ended(ctx)
	}
	data, info, err := s.get(name)
	if err != nil {
		return nil, info, err
	}
	data = data[min(off, int64(len(data))):]
	short := length > int64(len(data))
	if length >= 0 && !short {
		data = data[:length]
	}
	if s.OnOpen != nil {
		if data, err = s.OnOpen(ctx, name, data); err != nil {
			return nil, info, err
		}
	}
	var body io.Reader = bytes.NewReader(data)
	if short {
		body = io.MultiReader(body, failing{io.ErrUnexpectedEOF})
	}
	return io.NopCloser(body), info, nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// Stat implements store.Store.
func (s *Store) Stat(_ context.Context, name string) (store.Info, error) {
	_, info, err := s.get(name)
	return info, err
}

// Put implements store.Store, without conditions.
func (s *Store) Put(_ context.Context, name string, body io.Reader, _ int64, _ store.Condition) (store.Info, error) {
	data, err := io.ReadAll(body)
	if err != nil {
		return store.Info{}, err
	}
	s.Set(name, append([]byte{}, data...))
	return s.Stat(context.Background(), name)
}

// Requests implements store.Store.
func (s *Store) Requests() map[string]int64 { return map[string]int64{"GET": int64(len(s.Reads()))} }

// String implements store.Store.
func (s *Store) String() string { return "memory:" }
