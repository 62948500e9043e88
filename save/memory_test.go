package save

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/org/gocache-action/internal/store"
)

// memory is a store in memory. before is called before each operation ("open", "stat", "put",
// "touch"), and after is called after each successful Put; mu guards the other fields.
type memory struct {
	before func(op, name string, body io.Reader) error
	after  func(name string)

	mu      sync.Mutex
	objects map[string]object
	counts  map[string]int64
	clock   func() time.Time
}

type object struct {
	data    []byte
	version int64
	time    time.Time
}

func newMemory() *memory {
	return &memory{objects: map[string]object{}, counts: map[string]int64{}, clock: time.Now}
}

func (m *memory) begin(ctx context.Context, op, name string, body io.Reader) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := store.CheckName(name); err != nil {
		return err
	}
	m.mu.Lock()
	m.counts[op]++
	m.mu.Unlock()
	if m.before != nil {
		return m.before(op, name, body)
	}
	return nil
}

func (o object) info() store.Info {
	return store.Info{Size: int64(len(o.data)), Version: store.Version(fmt.Sprint(o.version)), ModTime: o.time}
}

func (m *memory) get(name string) (object, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[name]
	if !ok {
		return o, fmt.Errorf("%s: %w", name, store.ErrNotFound)
	}
	return o, nil
}

func (m *memory) Open(ctx context.Context, name string, off, length int64) (io.ReadCloser, store.Info, error) {
	if err := m.begin(ctx, "open", name, nil); err != nil {
		return nil, store.Info{}, err
	}
	o, err := m.get(name)
	if err != nil {
		return nil, store.Info{}, err
	}
	data := o.data[min(off, int64(len(o.data))):]
	if length > int64(len(data)) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(data), endless{})), o.info(), nil
	}
	if length >= 0 {
		data = data[:length]
	}
	return io.NopCloser(bytes.NewReader(data)), o.info(), nil
}

// endless is what lies behind the end of an object.
type endless struct{}

func (endless) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func (m *memory) Stat(ctx context.Context, name string) (store.Info, error) {
	if err := m.begin(ctx, "stat", name, nil); err != nil {
		return store.Info{}, err
	}
	o, err := m.get(name)
	return o.info(), err
}

func (m *memory) Put(ctx context.Context, name string, body io.Reader, size int64, cond store.Condition) (store.Info, error) {
	if err := m.begin(ctx, "put", name, body); err != nil {
		return store.Info{}, err
	}
	data, err := io.ReadAll(body)
	if err != nil {
		// as stores do, without wrapping
		return store.Info{}, fmt.Errorf("put %s: body: %v", name, err)
	}
	if size >= 0 && int64(len(data)) != size {
		return store.Info{}, fmt.Errorf("put %s: %d bytes, not %d", name, len(data), size)
	}
	info, err := m.replace(name, data, cond)
	if err == nil && m.after != nil {
		m.after(name)
	}
	return info, err
}

func (m *memory) replace(name string, data []byte, cond store.Condition) (store.Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old, ok := m.objects[name]
	if cond.IfAbsent && ok || cond.IfMatch != "" && (!ok || old.info().Version != cond.IfMatch) {
		return store.Info{}, fmt.Errorf("%s: %w", name, store.ErrConflict)
	}
	o := object{data, old.version + 1, m.clock()}
	m.objects[name] = o
	return o.info(), nil
}

// Touch implements store.Toucher.
func (m *memory) Touch(ctx context.Context, name string) error {
	if err := m.begin(ctx, "touch", name, nil); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[name]
	if !ok {
		return fmt.Errorf("%s: %w", name, store.ErrNotFound)
	}
	o.time = m.clock()
	m.objects[name] = o
	return nil
}

func (m *memory) Requests() map[string]int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	counts := map[string]int64{}
	for op, n := range m.counts {
		counts[op] = n
	}
	return counts
}

func (m *memory) String() string { return "memory:" }

// remove removes an object, as a lifecycle rule does.
func (m *memory) remove(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, name)
}
