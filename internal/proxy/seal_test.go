package proxy

import (
	"crypto/sha256"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb"
)

// httpOps is a client of a checksum database behind a proxy that has seen nothing yet.
type httpOps struct {
	w *world

	mu     sync.Mutex
	latest []byte
}

func (o *httpOps) ReadRemote(path string) ([]byte, error) {
	status, _, data := o.w.get("sumdb/sum.example" + path)
	if status != http.StatusOK {
		return nil, fs.ErrNotExist
	}
	return data, nil
}

func (o *httpOps) ReadConfig(file string) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if file == "key" {
		return []byte(o.w.key), nil
	}
	return o.latest, nil
}

func (o *httpOps) WriteConfig(_ string, _, latest []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.latest = latest
	return nil
}

func (o *httpOps) ReadCache(string) ([]byte, error) { return nil, fs.ErrNotExist }
func (o *httpOps) WriteCache(string, []byte)        {}
func (o *httpOps) Log(string)                       {}
func (o *httpOps) SecurityError(text string)        { o.w.t.Error(text) }

// TestSeal: a proxy without access proves all that was sealed, at several times, to new clients, in
// whatever order they ask; the database had grown in between.
func TestSeal(t *testing.T) {
	w := newWorld(t)
	var all []module.Version
	for _, batch := range []string{"a", "b", "c"} {
		var list []module.Version
		for i := range 6 {
			path := "example.com/" + batch + string(rune('a'+i))
			sum := sha256.Sum256([]byte(path))
			m := newModule(t, path, "v1.0.0", map[string]string{"x.txt": string(sum[:])})
			w.add(m)
			list = append(list, m.v)
		}
		w.start(nil)
		for _, v := range list[:4] {
			w.want(200, v.Path+"/@v/v1.0.0.mod")
		}
		for _, v := range list { // others make the tree grow
			w.want(200, "sumdb/sum.example/lookup/"+v.Path+"@v1.0.0")
		}
		w.settle()
		if err := w.lib.Seal(t.Context(), list[:4]); err != nil {
			t.Fatal(err)
		}
		all = append(all, list[:4]...)
	}
	w.start(func(o *Options) { o.Offline = true })
	asked := len(w.asked)
	for i := range all {
		c := sumdb.NewClient(&httpOps{w: w})
		for j := range all {
			v := all[(i+j*5)%len(all)]
			if lines, err := c.Lookup(v.Path, v.Version); err != nil || !strings.HasPrefix(lines[0], v.Path+" v1.0.0 h1:") {
				t.Fatalf("client %d: %s: %v, %q", i, v, err, lines)
			}
		}
	}
	if len(w.asked) != asked {
		t.Errorf("asked: %q", w.asked[asked:])
	}
}
