package gc

import (
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// A Watcher sees what a collection looks at, for those who want to know what is in a store: a plan
// goes through all of it anyway.
type Watcher interface {
	// Manifest gets each manifest that was read, from several goroutines. It must not keep data.
	Manifest(e store.Entry, data []byte)
	// Object gets each object, from one goroutine, after all manifests.
	Object(e store.Entry, kind snapshot.Kind)
}

// watchManifest tells the watcher of a manifest.
func (r *run) watchManifest(e store.Entry, data []byte) {
	if r.Watch != nil {
		r.Watch.Manifest(e, data)
	}
}

// watchObject tells the watcher of an object.
func (r *run) watchObject(e store.Entry, kind snapshot.Kind) {
	if r.Watch != nil {
		r.Watch.Object(e, kind)
	}
}
