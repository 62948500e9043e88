package storetest

import (
	"context"
	"iter"
	"time"

	"github.com/org/gocache-action/internal/store"
)

var _ store.Collector = (*Faulty)(nil)

// collector is the wrapped store, which must be a Collector when these methods are used.
func (f *Faulty) collector() store.Collector { return f.Store.(store.Collector) }

// List implements store.Collector.
func (f *Faulty) List(ctx context.Context, prefix string) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		err := f.run(ctx, &Call{Op: OpList, Name: prefix}, func() error { return nil })
		if err != nil {
			yield(store.Entry{}, err)
			return
		}
		f.collector().List(ctx, prefix)(yield)
	}
}

// Delete implements store.Collector. A fault concerns all of its objects.
func (f *Faulty) Delete(ctx context.Context, names []string) (failed map[string]error) {
	c := Call{Op: OpDelete, Names: names}
	if len(names) > 0 {
		c.Name = names[0]
	}
	err := f.run(ctx, &c, func() error {
		failed = f.collector().Delete(ctx, names)
		return nil
	})
	if err != nil {
		return store.FailAll(names, err)
	}
	return failed
}

// DeleteVersion implements store.Collector.
func (f *Faulty) DeleteVersion(ctx context.Context, name string, v store.Version) error {
	return f.run(ctx, &Call{Op: OpDelete, Name: name, Names: []string{name}}, func() error {
		return f.collector().DeleteVersion(ctx, name, v)
	})
}

// Touch implements store.Toucher.
func (f *Faulty) Touch(ctx context.Context, name string) error {
	return f.run(ctx, &Call{Op: OpTouch, Name: name}, func() error { return f.collector().Touch(ctx, name) })
}

// Uploads implements store.Collector; there are no hooks for it.
func (f *Faulty) Uploads(ctx context.Context, prefix string, before time.Time) iter.Seq2[store.Upload, error] {
	return f.collector().Uploads(ctx, prefix, before)
}

// AbortUpload implements store.Collector.
func (f *Faulty) AbortUpload(ctx context.Context, u store.Upload) error {
	return f.run(ctx, &Call{Op: OpAbort, Name: u.Name}, func() error { return f.collector().AbortUpload(ctx, u) })
}
