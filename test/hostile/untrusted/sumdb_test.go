package untrusted

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/note"

	"github.com/org/gocache-action/internal/checksumdb"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/restore"
)

// bytesSumDB is a checksum database on this machine that knows the tool of the sample.
type bytesSumDB struct {
	setting  string // GOSUMDB
	requests atomic.Int64
	down     atomic.Bool
}

func newBytesSumDB(t *testing.T, sum string) *bytesSumDB {
	t.Helper()
	private, public, err := note.GenerateKey(rand.Reader, "sum.example")
	bytesMust(t, err)
	tool := bytesModules[2]
	srv := sumdb.NewServer(sumdb.NewTestServer(private, func(path, version string) ([]byte, error) {
		if path != tool.v.Path {
			return nil, os.ErrNotExist
		}
		return fmt.Appendf(nil, "%s %s %s\n%s %s/go.mod %s\n", path, version, sum, path, version, tool.modSum()), nil
	}))
	db := new(bytesSumDB)
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		db.requests.Add(1)
		if db.down.Load() {
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		srv.ServeHTTP(w, r)
	}))
	t.Cleanup(h.Close)
	db.setting = public + " " + h.URL
	return db
}

func (db *bytesSumDB) open(nosum string) *checksumdb.DB {
	return checksumdb.New(checksumdb.Options{GOSUMDB: db.setting, GONOSUMDB: nosum})
}

// TestBytesToolNeedsTheChecksumDatabase: a module that go.sum does not name is restored if the
// database confirms it, or if no database can be asked and none is required. A module that the
// database contradicts or does not know is refused and reported.
func TestBytesToolNeedsTheChecksumDatabase(t *testing.T) {
	tool := bytesModules[2]
	keys, err := note.NewVerifier("vector+464e82ee+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4")
	bytesMust(t, err)
	for name, c := range map[string]struct {
		sum            string // in the database
		with           func(*restore.Options, *bytesSumDB)
		refused, warns string
		asks           bool
	}{
		"confirmed":             {sum: tool.sum(), asks: true},
		"contradicted":          {sum: bytesModules[1].sum(), refused: "the hash of example.com/tool v1.0.0 is", asks: true},
		"database down":         {sum: tool.sum(), with: func(_ *restore.Options, db *bytesSumDB) { db.down.Store(true) }, warns: "restored as the snapshot has them", asks: true},
		"database down, always": {sum: tool.sum(), with: func(o *restore.Options, db *bytesSumDB) { db.down.Store(true); o.SumDBAlways = true }, refused: "not in go.sum, and not checked", asks: true},
		"database off, always": {sum: tool.sum(), with: func(o *restore.Options, db *bytesSumDB) {
			o.SumDB, o.SumDBAlways = checksumdb.New(checksumdb.Options{GOSUMDB: "off"}), true
		}, refused: "GOSUMDB=off"},
		"excluded by GONOSUMDB": {sum: bytesModules[1].sum(), with: func(o *restore.Options, db *bytesSumDB) { o.SumDB = db.open("example.com/tool") }},
		"not asked":             {sum: bytesModules[1].sum(), with: func(o *restore.Options, _ *bytesSumDB) { o.SumDB = nil }},
	} {
		t.Run(name, func(t *testing.T) {
			w := bytesStore(t)
			db := newBytesSumDB(t, c.sum)
			res := w.restore(t, func(o *restore.Options) {
				o.SumDB = db.open("")
				if c.with != nil {
					c.with(o, db)
				}
			})
			want := bytesAll
			if c.refused != "" {
				want.modules--
				w.mustLose(t, res, tool.v.String(), c.refused)
			}
			w.mustHave(t, res, want, true)
			if warned := strings.Contains(fmt.Sprint(res.Warnings), c.warns); !warned || c.warns == "" && len(res.Warnings) > 0 {
				t.Errorf("warnings %q", res.Warnings)
			}
			if asked := db.requests.Load() > 0; asked != c.asks {
				t.Errorf("%d requests", db.requests.Load())
			}
		})
	}
	t.Run("signed snapshot", func(t *testing.T) { bytesSigned(t, &snapshot.Trust{Keys: []note.Verifier{keys}}) })
}

// bytesSigned: a signature vouches for the modules of a snapshot, so the database is asked only
// with SumDBAlways.
func bytesSigned(t *testing.T, trust *snapshot.Trust) {
	signer, err := note.NewSigner("PRIVATE+KEY+vector+464e82ee+AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f")
	bytesMust(t, err)
	for _, always := range []bool{false, true} {
		w := bytesStore(t)
		data, err := w.manifest(t).EncodeSigned(signer)
		bytesMust(t, err)
		w.put(t, bytesExact(t), data)
		db := newBytesSumDB(t, bytesModules[1].sum())
		res := w.restore(t, func(o *restore.Options) { o.SumDB, o.Trust, o.SumDBAlways = db.open(""), trust, always })
		if asked := db.requests.Load() > 0; asked != always || (res.Modules.Refused == 1) != always {
			t.Errorf("always %v: %d requests, %+v", always, db.requests.Load(), res.Modules)
		}
	}
}

// TestBytesSnapshotBringsItsProof: the snapshot includes the database's answers that the go command
// kept, and they prove the tool without a request; forged answers prove nothing.
func TestBytesSnapshotBringsItsProof(t *testing.T) {
	tool := bytesModules[2]
	db := newBytesSumDB(t, tool.sum())
	first := bytesStore(t)
	// this keeps the answers in GOMODCACHE
	first.restore(t, func(o *restore.Options) { o.SumDB = db.open("") })
	kept := filepath.Join(first.mod(), "cache", "download", "sumdb")
	files, err := modcache.Open(first.mod(), modcache.Options{}).GraphFiles(t.Context())
	bytesMust(t, err)
	var members, forged []bytesMember
	for _, f := range files {
		rel, ok := strings.CutPrefix(f.Name, "cache/download/sumdb/")
		if !ok {
			continue
		}
		data, err := os.ReadFile(filepath.Join(kept, filepath.FromSlash(rel)))
		bytesMust(t, err)
		members = append(members, bytesFile(f.Name, string(data)))
		forged = append(forged, bytesFile(f.Name, strings.ReplaceAll(string(data), tool.sum(), bytesModules[1].sum())))
	}
	if len(members) < 2 {
		t.Fatalf("kept answers: %v", files)
	}
	db.down.Store(true)
	for name, c := range map[string]struct {
		members []bytesMember
		asks    bool
	}{"kept": {members, false}, "forged": {forged, true}} {
		w := bytesStore(t)
		w.withTree(t, snapshot.TreeModGraph, bytesTar(t, c.members...), len(c.members))
		before := db.requests.Load()
		res := w.restore(t, func(o *restore.Options) { o.SumDB, o.SumDBAlways = db.open(""), true })
		if asked := db.requests.Load() > before; asked != c.asks || (res.Modules.Refused == 1) != c.asks {
			t.Errorf("%s: %d requests, %+v, losses %+v", name, db.requests.Load()-before, res.Modules, res.Losses)
		}
	}
}
