// Package storetest tests implementations of store.Store, and helps to test what
// uses one: Run is one suite for all implementations, Gateway a real S3 server, and Faulty
// a store that fails where a test wants it to.
package storetest

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/org/gocache-action/internal/store"
)

// PartSize is the part size in bytes that stores under test should use, so that the bodies of
// the suite lie just at, above and far above it. It is the least that S3 accepts.
const PartSize = 5 << 20

// Run tests that the stores which open returns behave as the contract says. Each call of open
// must return an empty store; it registers its own clean-up.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	t.Helper()
	RunWithout(t, Lacks{}, open)
}

// Lacks says what a server is known not to do. What rests on that is left out, so that the rest of
// the suite can be run against it.
type Lacks struct {
	// conditional writes: what is written under a condition is written without
	Conditions        bool
	ConditionsOfParts bool // the same, of uploads in parts only
	VersionsOfParts   bool // the version that the completion of an upload returns is the object's
}

// RunWithout is Run for a server that lacks something.
func RunWithout(t *testing.T, l Lacks, open func(t *testing.T) store.Store) {
	t.Helper()
	if l.Conditions {
		with := open
		open = func(t *testing.T) store.Store { return unconditional{with(t).(store.Collector)} }
	}
	RunReads(t, open)
	run(t, open, []testOf{
		{"files", testFiles},
		{"versions never repeat", testVersions},
		{"body fails", testBodyFails},
		{"wrong size", testWrongSize},
		{"cancelled", testCancelled},
		{"parallel puts share memory", testParallelPuts},
		{"requests", testRequests},
		{"list", collecting(testList)},
		{"list while things change", collecting(testListChanging)},
		{"delete", collecting(testDelete)},
		{"delete a version", collecting(testDeleteVersion)},
		{"touch", collecting(testTouch)},
		{"no uploads", collecting(testNoUploads)},
	})
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

// unconditional writes without conditions, as package save does where a store has none.
type unconditional struct{ store.Collector }

func (u unconditional) Put(ctx context.Context, name string, body io.Reader, size int64, cond store.Condition) (store.Info, error) {
	return u.Collector.Put(ctx, name, body, size, store.Condition{})
}

// RunReads is the part of Run about reading. It is for stores whose objects another program writes:
// their Put may be any that a reader sees at once.
func RunReads(t *testing.T, open func(t *testing.T) store.Store) {
	t.Helper()
	run(t, open, []testOf{
		{"round trip", testRoundTrip},
		{"ranges", testRanges},
		{"unknown objects", testUnknown},
		{"names", testNames},
		{"bad names", testBadNames},
		{"get limit", testGetLimit},
		{"readers during replacement", testReplacement},
		{"open parallel", testOpenParallel},
	})
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

// Content returns n bytes that are the same for the same seed and differ for any other.
func Content(seed uint64, n int) []byte {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	data := make([]byte, n)
	rand.NewChaCha8(key).Read(data)
	return data
}

// Stream hides everything of a body but Read, as of a pipe.
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
