// Package storetest tests implementations of store.Store, and helps to test code that uses one: Run
// is one suite for all implementations, Gateway a real S3 server, and Faulty a store that fails
// where a test wants it to.
package storetest

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/org/gocache-action/internal/store"
)

// PartSize is the part size in bytes that stores under test should use, so that the suite has
// bodies of just this size, a little more, and much more. It is the least that S3 accepts.
const PartSize = 5 << 20

// Run tests that the stores returned by open behave as the contract says. Each call of open must
// return an empty store, and register its own cleanup.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	t.Helper()
	RunWithout(t, Lacks{}, open)
}

// Lacks says what a server is known not to support. The suite leaves out the tests that depend on
// it.
type Lacks struct {
	Conditions        bool // conditional writes; the suite then writes without conditions
	ConditionsOfParts bool // the same, for uploads in parts only
	VersionsOfParts   bool // the completion of an upload in parts returns the object's version
	Collection        bool // objects can be listed and removed: it is a store.Collector
	Requests          bool // one request for each operation, counted by method
	Replacement       bool // one object can be written several times, by writers that know of each other
}

// RunWithout is Run for a server that lacks something.
func RunWithout(t *testing.T, l Lacks, open func(t *testing.T) store.Store) {
	t.Helper()
	if l.Conditions {
		with := open
		open = func(t *testing.T) store.Store { return unconditional{with(t).(store.Collector)} }
	}
	reads := readTests
	if l.Replacement {
		l.Conditions = true
		reads = slices.DeleteFunc(slices.Clone(reads), func(x testOf) bool { return x.name == replacement })
	} else {
		run(t, open, []testOf{{"versions never repeat", testVersions}})
	}
	if !l.Requests {
		run(t, open, []testOf{{"requests", testRequests}})
	}
	run(t, open, reads)
	run(t, open, []testOf{
		{"files", testFiles},
		{"body fails", testBodyFails},
		{"wrong size", testWrongSize},
		{"cancelled", testCancelled},
		{"parallel puts share memory", testParallelPuts},
	})
	if !l.Collection {
		run(t, open, []testOf{
			{"list", collecting(testList)},
			{"list while things change", collecting(testListChanging)},
			{"delete", collecting(testDelete)},
			{"delete a version", collecting(testDeleteVersion)},
			{"touch", collecting(testTouch)},
			{"no uploads", collecting(testNoUploads)},
		})
	}
	if !l.Conditions {
		run(t, open, []testOf{
			{"conditions", testConditions(10)},
			{"one absent writer wins", testOneAbsentWins},
			{"one matching writer wins", testOneMatchWins},
		})
	}
	if !l.Conditions && !l.ConditionsOfParts {
		run(t, open, []testOf{
			{"conditions in parts", testConditions(PartSize + 10)},
			{"one absent writer wins in parts", testOneAbsentWinsInParts},
		})
	}
	if !l.VersionsOfParts {
		run(t, open, []testOf{{"versions of writes", testVersionsOfWrites}})
	}
}

// unconditional drops the conditions of writes, for servers that do not support them.
type unconditional struct{ store.Collector }

func (u unconditional) Put(ctx context.Context, name string, body io.Reader, size int64, cond store.Condition) (store.Info, error) {
	return u.Collector.Put(ctx, name, body, size, store.Condition{})
}

// RunReads is the part of Run about reading. It also suits stores whose objects another program
// writes: their Put may be anything whose effect readers see at once.
func RunReads(t *testing.T, open func(t *testing.T) store.Store) {
	t.Helper()
	run(t, open, readTests)
}

const replacement = "readers during replacement"

var readTests = []testOf{
	{"round trip", testRoundTrip},
	{"ranges", testRanges},
	{"unknown objects", testUnknown},
	{"names", testNames},
	{"bad names", testBadNames},
	{"get limit", testGetLimit},
	{replacement, testReplacement},
	{"open parallel", testOpenParallel},
}

type testOf struct {
	name string
	test func(*testing.T, store.Store)
}

func run(t *testing.T, open func(t *testing.T) store.Store, tests []testOf) {
	t.Helper()
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// Content returns n bytes that depend on the seed only.
func Content(seed uint64, n int) []byte {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	data := make([]byte, n)
	rand.NewChaCha8(key).Read(data)
	return data
}

// Stream hides all methods of a body but Read, so it looks like a pipe.
func Stream(data []byte) io.Reader { return struct{ io.Reader }{bytes.NewReader(data)} }

func put(t testing.TB, s store.Store, name string, data []byte, cond store.Condition) store.Info {
	t.Helper()
	info, err := s.Put(context.Background(), name, bytes.NewReader(data), int64(len(data)), cond)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func get(t testing.TB, s store.Store, name string) ([]byte, store.Info) {
	t.Helper()
	data, info, err := store.Get(context.Background(), s, name, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	return data, info
}

// same compares without printing megabytes.
func same(t testing.TB, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Fatalf("%s: got %d bytes that differ from the %d written", what, len(got), len(want))
	}
}
