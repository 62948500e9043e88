package store

import (
	"context"
	"io"
)

// A Finder is a store that answers with one request which of several objects is the first that
// exists. Other stores are asked for all of them at once.
type Finder interface {
	// First opens the first of the named objects that exists, as Open does with all of its bytes,
	// and returns its index. If there is none it returns ErrNotFound.
	First(ctx context.Context, names []string) (n int, body io.ReadCloser, info Info, err error)
}

// A Bundler is a store in which entries are few and dear, such as the cache service of GitHub
// Actions: it keeps the immutable objects that a save puts together in bundles. A bundle is there
// as a whole or not at all, so an object can be read only when the save has committed. Readers find
// it by way of a manifest, or modules of all jobs also without.
//
// The key "latest" stands for the newest snapshot that was published under any other key of its
// family: nobody writes it, and the manifest that is read there names its own key. Conditions of
// manifests hold in every such store.
//
// One save uses a Bundler at a time. Between Begin and Commit it calls Put, from many goroutines.
type Bundler interface {
	Store
	Finder

	// Begin tells the store what a save is going to put. keep are objects that are stored, and that
	// its manifest will name: the store may move them so that a snapshot is not spread over too
	// many bundles. Some of the objects another save may be storing at this very moment; Begin
	// returns those. They are not put before Await has returned.
	Begin(ctx context.Context, put []Expected, keep []string) (elsewhere map[string]bool, err error)

	// Await waits until the objects that Begin returned can be read, or until it takes too long.
	// Stat tells which of them are there. The others are put after all.
	Await(ctx context.Context) error

	// Commit makes all objects that were put readable. After an error none need be, and nothing is
	// left behind that anybody reads.
	Commit(ctx context.Context) error

	// Missed returns the manifests under a name that was read which other saves have published and
	// that its newest version does not build upon, as nobody could see them in time.
	Missed(ctx context.Context, name string) ([][]byte, error)

	// Publish is Put of a manifest, which names these objects.
	Publish(ctx context.Context, name string, manifest []byte, cond Condition, objects []string) (Info, error)
}

// Expected is an object that a save is going to put.
type Expected struct {
	Name string // "": a pack, whose name is known when it is made
	// Bytes are those of the files in it. What is stored of them is less.
	Bytes int64
}
