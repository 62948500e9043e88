package checksumdb

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/org/gocache-action/internal/osfile"
)

// ops implements sumdb.ClientOps, what a client needs of the outside world.
type ops struct {
	db        *DB
	client    *sumdb.Client
	read      func(path string) ([]byte, error)
	cacheDir  string // "": nothing is kept
	latestDir string // "": begin without a tree that is known
	keep      func(name string, data []byte)
	forked    atomic.Bool // the database has signed trees that contradict each other

	mu     sync.Mutex
	latest []byte // the newest tree that is known, once one is
}

// ReadRemote implements sumdb.ClientOps.
func (o *ops) ReadRemote(path string) ([]byte, error) { return o.read(path) }

// ReadConfig implements sumdb.ClientOps.
func (o *ops) ReadConfig(file string) ([]byte, error) {
	if file == "key" {
		return []byte(o.db.key), nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.latest != nil || o.latestDir == "" {
		return o.latest, nil
	}
	data, err := readFile(filepath.Join(o.latestDir, filepath.FromSlash(file)))
	if err != nil {
		return nil, nil // as at the very first request
	}
	return data, nil
}

// WriteConfig implements sumdb.ClientOps.
func (o *ops) WriteConfig(_ string, _, latest []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.latest = latest
	return nil
}

// ReadCache implements sumdb.ClientOps.
func (o *ops) ReadCache(file string) ([]byte, error) {
	if o.cacheDir == "" {
		return nil, fs.ErrNotExist
	}
	data, err := readFile(filepath.Join(o.cacheDir, filepath.FromSlash(file)))
	if err == nil && len(data) == 0 {
		err = fs.ErrNotExist // the go command is about to write it
	}
	return data, err
}

func readFile(path string) ([]byte, error) {
	f, err := osfile.OpenQuietly(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() || st.Size() > maxAnswer {
		return nil, errors.Join(os.ErrInvalid, err)
	}
	return io.ReadAll(io.LimitReader(f, maxAnswer))
}

// WriteCache implements sumdb.ClientOps.
func (o *ops) WriteCache(file string, data []byte) {
	if o.keep != nil {
		o.keep(file, data)
	}
}

// Log implements sumdb.ClientOps.
func (o *ops) Log(string) {}

// SecurityError implements sumdb.ClientOps. The client returns an error beside it.
func (o *ops) SecurityError(string) { o.forked.Store(true) }

// kept tries to prove an answer without a request, from what the go command has kept. When the go
// command got the answer, it checked it against the newest tree that it knew, which was either the
// one in the answer or an older one, and it kept only the tiles for that check. So kept tries both
// trees, each with a new client that knows no other.
type kept struct {
	db     *DB
	dir    string
	find   sync.Once
	newest []byte
}

// errNotKept means that the answer, or a part of its proof, is not kept.
var errNotKept = errors.New("not kept")

// lookup returns the lines of an answer that is proven.
func (k *kept) lookup(v module.Version) ([]string, error) {
	k.find.Do(k.findNewest)
	lines, err := k.with(nil).Lookup(v.Path, v.Version)
	if err != nil && k.newest != nil {
		lines, err = k.with(k.newest).Lookup(v.Path, v.Version)
	}
	return lines, err
}

// with returns a client that begins with this tree as the newest known one.
func (k *kept) with(latest []byte) *sumdb.Client {
	return sumdb.NewClient(&ops{db: k.db, cacheDir: k.dir, latest: latest, read: func(string) ([]byte, error) { return nil, errNotKept }})
}

// maxKept bounds how many answers findNewest reads.
const maxKept = 10_000

// findNewest looks in all kept answers for the newest tree that the database has signed.
func (k *kept) findNewest() {
	verifier, err := note.NewVerifier(k.db.key)
	if err != nil || k.dir == "" {
		return
	}
	size, n := int64(0), 0
	_ = filepath.WalkDir(filepath.Join(k.dir, filepath.FromSlash(k.db.name), "lookup"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		if n++; n > maxKept {
			return fs.SkipAll
		}
		data, err := readFile(path)
		if err != nil {
			return nil
		}
		if tree, msg := signedTree(data, verifier); tree.N > size {
			size, k.newest = tree.N, msg
		}
		return nil
	})
}

// signedTree returns the tree of an answer, or nothing if it is not signed.
func signedTree(answer []byte, v note.Verifier) (tree tlog.Tree, msg []byte) {
	_, _, msg, err := tlog.ParseRecord(answer)
	if err != nil {
		return tlog.Tree{}, nil
	}
	n, err := note.Open(msg, note.VerifierList(v))
	if err != nil {
		return tlog.Tree{}, nil
	}
	tree, err = tlog.ParseTree([]byte(n.Text))
	if err != nil {
		return tlog.Tree{}, nil
	}
	return tree, msg
}
