package actions_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/actions"
	"github.com/org/gocache-action/internal/store/actions/actionstest"
	"github.com/org/gocache-action/internal/store/storetest"
)

var exactKey = []string{"n", "linux", "amd64", "go1.26", strings.Repeat("d", 64)}

func manifestName(scope string) string { return snapshot.ManifestObject("r", scope, exactKey) }

// pack puts an object of n bytes and returns its name.
func pack(t *testing.T, s *actions.Store, n int) string {
	t.Helper()
	data := storetest.Content(uint64(n), n)
	name := snapshot.PackObject("r", mainRef, digest.Of(data))
	if _, err := s.Put(t.Context(), name, bytes.NewReader(data), int64(n), store.Condition{IfAbsent: true}); err != nil {
		t.Fatal(err)
	}
	return name
}

// checkPack reads what pack has put.
func checkPack(t *testing.T, s store.Store, name string, n int) {
	t.Helper()
	got, _, err := store.Get(t.Context(), s, name, 1<<30)
	if err != nil || !bytes.Equal(got, storetest.Content(uint64(n), n)) {
		t.Errorf("%s: %d bytes of %d, %v", name, len(got), n, err)
	}
}

// save puts packs of these sizes, beside those that a snapshot has, and publishes all of them.
func save(t *testing.T, s *actions.Store, had []string, version store.Version, sizes ...int) ([]string, store.Version) {
	t.Helper()
	var put []store.Expected
	for _, n := range sizes {
		put = append(put, store.Expected{Bytes: int64(n)})
	}
	if elsewhere, err := s.Begin(t.Context(), put, had); err != nil || len(elsewhere) > 0 {
		t.Fatal(elsewhere, err)
	}
	all := append([]string{}, had...)
	for _, n := range sizes {
		all = append(all, pack(t, s, n))
	}
	if err := s.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	cond := store.Condition{IfMatch: version, IfAbsent: version == ""}
	info, err := s.Publish(t.Context(), manifestName(mainRef), []byte("manifest"), cond, all)
	if err != nil {
		t.Fatal(err)
	}
	return all, info.Version
}

// TestSaves: each save adds a bundle, and moves what lives in the smallest when there are too many,
// on the server if that can copy, else through this machine.
func TestSaves(t *testing.T) {
	for name, refuses := range map[string]bool{"copied": false, "through the client": true} {
		t.Run(name, func(t *testing.T) {
			server := actionstest.New(t)
			if refuses {
				server.RefuseCopies()
			}
			token := actionstest.Branch(mainRef, mainRef)
			var all []string
			var version store.Version
			var sizes []int
			for i := range 9 {
				s := open(t, server, token, small)
				if i > 0 { // learn where everything lies
					if _, _, err := store.Get(t.Context(), s, manifestName(mainRef), 100); err != nil {
						t.Fatal(err)
					}
				}
				n := 1000 + i
				if i == 0 {
					n = 3<<20 + 17
				}
				sizes = append(sizes, n)
				server.Counts()
				all, version = save(t, s, all, version, n)
				if c := server.Counts(); c[actionstest.Create] != 2 {
					t.Errorf("save %d: requests %v", i, c)
				}
			}
			s := open(t, server, token, small)
			if _, _, err := store.Get(t.Context(), s, manifestName(mainRef), 100); err != nil {
				t.Fatal(err)
			}
			server.Counts()
			for i, name := range all {
				checkPack(t, s, name, sizes[i])
			}
			if c := server.Counts(); c[actionstest.Lookup] > 5 {
				t.Errorf("reading all: requests %v", c)
			}
			// None of the emptied ones is needed any more.
			keys := server.Keys(mainRef)
			if n := server.Evict(func(key string) bool { return key == keys[2] }); n != 1 {
				t.Fatal(n)
			}
			fresh := open(t, server, token, small)
			if _, _, err := store.Get(t.Context(), fresh, manifestName(mainRef), 100); err != nil {
				t.Fatal(err)
			}
			for i, name := range all {
				checkPack(t, fresh, name, sizes[i])
			}
		})
	}
}

// TestFirst: one lookup finds the first of several objects, as the service looks through scopes.
func TestFirst(t *testing.T) {
	server := actionstest.New(t)
	latestKey := append(append([]string{}, exactKey[:4]...), snapshot.Latest)
	names := func(scopes ...string) (list []string) {
		for _, s := range scopes {
			list = append(list, manifestName(s), snapshot.ManifestObject("r", s, latestKey))
		}
		return list
	}
	publish := func(scope, name, text string) {
		t.Helper()
		s := open(t, server, actionstest.Branch(scope, mainRef))
		if _, err := s.Publish(t.Context(), name, []byte(text), store.Condition{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	first := func(want string) {
		t.Helper()
		s := open(t, server, actionstest.Branch(pullRef, mainRef))
		server.Counts()
		n, body, info, err := s.First(t.Context(), names(pullRef, mainRef))
		got := "nothing"
		if err == nil {
			data, err := io.ReadAll(body)
			body.Close()
			got = fmt.Sprintf("%d %s", n, data)
			if err != nil || info.Size != int64(len(data)) || info.Version == "" {
				t.Errorf("%s: %+v, %v", got, info, err)
			}
		} else if !errors.Is(err, store.ErrNotFound) {
			t.Error(err)
		}
		if c := server.Counts(); got != want || c[actionstest.Lookup] != 1 {
			t.Errorf("found %q, want %q; requests %v", got, want, c)
		}
	}
	other := snapshot.ManifestObject("r", mainRef, append(append([]string{}, exactKey[:4]...), strings.Repeat("e", 64)))
	first("nothing")
	publish(mainRef, other, "other files")
	first("3 other files")
	publish(mainRef, manifestName(mainRef), "main")
	first("2 main")
	publish(mainRef, other, "other files, newer")
	first("2 main")
	publish(pullRef, snapshot.ManifestObject("r", pullRef, append(append([]string{}, exactKey[:4]...), strings.Repeat("f", 64))), "own, other files")
	first("1 own, other files")
	publish(pullRef, manifestName(pullRef), "own")
	first("0 own")
	publish(pullRef, manifestName(pullRef), "own, 2")
	first("0 own, 2")
	s := open(t, server, actionstest.Branch(mainRef, mainRef))
	if _, err := s.Put(t.Context(), snapshot.ManifestObject("r", mainRef, latestKey), strings.NewReader("x"), 1, store.Condition{}); !errors.Is(err, store.ErrUnsupported) {
		t.Errorf("the latest manifest is written: %v", err)
	}
}

// TestDamaged: a damaged entry is no miss, so that it is replaced by the next version.
func TestDamaged(t *testing.T) {
	server := actionstest.New(t)
	token := actionstest.Branch(mainRef, mainRef)
	s := open(t, server, token)
	info, err := s.Publish(t.Context(), manifestName(mainRef), []byte("manifest"), store.Condition{IfAbsent: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	server.Damage(func(string) bool { return true }, 3)
	s = open(t, server, token)
	body, got, err := s.Open(t.Context(), manifestName(mainRef), 0, -1)
	if err != nil || got.Version != info.Version {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := io.ReadAll(body); !errors.Is(err, snapshot.ErrCorrupt) {
		t.Error(err)
	}
	if _, err := s.Publish(t.Context(), manifestName(mainRef), []byte("next"), store.Condition{IfMatch: got.Version}, nil); err != nil {
		t.Error(err)
	}
	data, _, err := store.Get(t.Context(), open(t, server, token), manifestName(mainRef), 100)
	if err != nil || string(data) != "next" {
		t.Errorf("%q, %v", data, err)
	}
}

// TestAnswers: what answers of the service mean.
func TestAnswers(t *testing.T) {
	twirp := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	for name, c := range map[string]struct {
		answer   http.HandlerFunc
		err      error
		text     string
		requests int64
	}{
		"a miss":            {twirp(200, `{"ok":false}`), store.ErrNotFound, "", 1},
		"a miss as error":   {twirp(404, `{"code":"not_found","msg":"no entry"}`), store.ErrNotFound, "", 1},
		"another service":   {twirp(404, "404 page not found"), store.ErrUnsupported, "no cache service of version 2", 1},
		"no such method":    {twirp(404, `{"code":"bad_route","msg":"x"}`), store.ErrUnsupported, "version 2", 1},
		"bad token":         {twirp(401, `{"code":"unauthenticated","msg":"token expired"}`), store.ErrDenied, "token expired", 1},
		"older text":        {twirp(403, `{"code":"permission_denied","message":"not for you"}`), store.ErrDenied, "not for you", 1},
		"overloaded":        {twirp(503, `{"code":"unavailable","msg":"try later"}`), store.ErrUnreachable, "try later", 3},
		"a page":            {twirp(200, "<html>please log in"), store.ErrUnreachable, "not an answer", 3},
		"moved":             {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusFound) }, store.ErrMoved, "302", 1},
		"invalid":           {twirp(400, `{"code":"invalid_argument","msg":"key\nis bad"}`), nil, "key is bad", 1},
		"may not read":      {twirp(403, `{"code":"permission_denied","msg":"cache read denied: no readable scopes"}`), store.ErrNotFound, "", 1},
		"another key":       {twirp(200, `{"ok":true,"matched_key":"gocache2","signed_download_url":"x"}`), store.ErrNotFound, "", 1},
		"a secret in place": {twirp(200, `{"ok":true,"matched_key":"KEY","signed_download_url":"ftp://host/?sig=sesame"}`), store.ErrUnsupported, "not a URL", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "Bearer token" || r.Method != http.MethodPost || !strings.HasPrefix(r.URL.Path, "/prefix/twirp/github.actions.results.api.v1.CacheService/") {
					t.Errorf("%s %s with %q", r.Method, r.URL, r.Header.Get("Authorization"))
				}
				data, _ := io.ReadAll(r.Body)
				_, key, _ := strings.Cut(string(data), `"key":"`)
				key, _, _ = strings.Cut(key, `"`)
				rec := httptest.NewRecorder()
				c.answer(rec, r)
				for k, v := range rec.Header() {
					w.Header()[k] = v
				}
				w.WriteHeader(rec.Code)
				io.WriteString(w, strings.ReplaceAll(rec.Body.String(), "KEY", key+"1"))
			}))
			defer server.Close()
			s, err := actions.New(actions.Options{URL: server.URL + "/prefix/", Token: "token", MaxAttempts: 3})
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = s.Open(t.Context(), manifestName(mainRef), 0, -1)
			if err == nil || c.err != nil && !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "sesame") || strings.Contains(err.Error(), "token ") && name != "bad token" {
				t.Errorf("%v, want %v and %q", err, c.err, c.text)
			}
			if n := s.Requests()["LOOKUP"]; n != c.requests {
				t.Errorf("%d requests, want %d", n, c.requests)
			}
		})
	}
}

// TestOptions: what makes no sense is wrong usage; a mode restricts.
func TestOptions(t *testing.T) {
	for _, o := range []actions.Options{{}, {URL: "https://host"}, {URL: "host", Token: "t"}, {URL: "ftp://host", Token: "t"}} {
		if _, err := actions.New(o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
	server := actionstest.New(t)
	for mode, want := range map[string][2]bool{"": {true, true}, "read": {true, false}, " Read\n": {true, false}, "write": {true, true}, "write-only": {false, false}, "none": {false, false}, "later": {true, true}} {
		s := open(t, server, actionstest.Branch(mainRef, mainRef), func(o *actions.Options) { o.Mode = mode })
		_, _, err := s.Open(t.Context(), manifestName(mainRef), 0, -1)
		werr := s.Writable(t.Context())
		if !errors.Is(err, store.ErrNotFound) || (len(s.Notes()) == 0) != want[0] || (werr == nil) != want[1] || werr != nil && !errors.Is(werr, store.ErrReadOnly) {
			t.Errorf("mode %q: %v, %v", mode, err, werr)
		}
	}
	if counts := server.Counts(); counts[actionstest.Lookup] != 5 {
		t.Errorf("requests: %v", counts)
	}
}

// TestNoNotes: the notes of garbage collection are not looked for. The service has its own.
func TestNoNotes(t *testing.T) {
	server := actionstest.New(t)
	s := open(t, server, actionstest.Branch(mainRef, mainRef))
	if _, _, err := s.Open(t.Context(), "v2/gc/unnamed", 0, -1); !errors.Is(err, store.ErrNotFound) || server.Requests() != 0 {
		t.Errorf("%v after %d requests", err, server.Requests())
	}
}

// TestTornBody: what a body that failed has left behind is not in the bundle.
func TestTornBody(t *testing.T) {
	server := actionstest.New(t)
	s := open(t, server, actionstest.Branch(mainRef, mainRef), small)
	data := storetest.Content(1, 5<<20)
	broken := errors.New("torn")
	name := snapshot.PackObject("r", mainRef, digest.Of(data))
	body := io.MultiReader(bytes.NewReader(data), errReader{broken})
	if _, err := s.Put(t.Context(), name, body, -1, store.Condition{}); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	other := pack(t, s, 2000)
	if err := s.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Stat(t.Context(), name); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
	checkPack(t, s, other, 2000)
	if n := server.Bytes(); n > 10_000 {
		t.Errorf("%d bytes are stored", n)
	}
}

type errReader struct{ err error }

func (e errReader) Read([]byte) (int, error) { return 0, e.err }

// TestNothingPut: a save whose bodies all failed leaves no entry, and is no error.
func TestNothingPut(t *testing.T) {
	server := actionstest.New(t)
	s := open(t, server, actionstest.Branch(mainRef, mainRef))
	if _, err := s.Begin(t.Context(), []store.Expected{{Bytes: 1}}, nil); err != nil {
		t.Fatal(err)
	}
	name := snapshot.PackObject("r", mainRef, digest.Of(nil))
	s.Put(t.Context(), name, errReader{errors.New("torn")}, -1, store.Condition{})
	if err := s.Commit(t.Context()); err != nil || len(server.Keys("")) > 0 {
		t.Errorf("%v, %q", err, server.Keys(""))
	}
	if err := s.Commit(t.Context()); err != nil {
		t.Errorf("without a save: %v", err)
	}
}

// TestManySmall: small objects share blocks, whatever order they come in.
func TestManySmall(t *testing.T) {
	server := actionstest.New(t)
	s := open(t, server, actionstest.Branch(mainRef, mainRef), small)
	names := make([]string, 300)
	var wg sync.WaitGroup
	for i := range names {
		wg.Go(func() { names[i] = pack(t, s, 10_000+i) })
	}
	wg.Wait()
	if err := s.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := server.Counts(); c[actionstest.PutBlock] > 10 {
		t.Errorf("requests: %v", c)
	}
	for i, name := range names {
		checkPack(t, s, name, 10_000+i)
	}
}

// TestLaggingBundle: a bundle that a lookup does not show yet is waited for a little.
func TestLaggingBundle(t *testing.T) {
	server := actionstest.New(t)
	token := actionstest.Branch(mainRef, mainRef)
	all, _ := save(t, open(t, server, token), nil, "", 5000)
	server.SetLag(200 * time.Millisecond)
	s := open(t, server, token)
	for range 1000 { // until the snapshot is shown
		if _, _, err := store.Get(t.Context(), s, manifestName(mainRef), 100); err == nil {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	checkPack(t, s, all[0], 5000)
}

// TestCancelledWait: waiting for another save ends with the context.
func TestCancelledWait(t *testing.T) {
	server := actionstest.New(t)
	token := actionstest.Branch(mainRef, mainRef)
	s := open(t, server, token, func(o *actions.Options) { o.Patience = time.Hour })
	info, err := s.Publish(t.Context(), manifestName(mainRef), []byte("1"), store.Condition{IfAbsent: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	key := server.Keys(mainRef)[0]
	server.Reserve(mainRef, strings.TrimSuffix(key, "1")+"2", server.Version(key))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err = s.Publish(ctx, manifestName(mainRef), []byte("2"), store.Condition{IfMatch: info.Version}, nil)
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 5*time.Second {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
}

// TestEntryWithoutBlob: an entry that lookups find and that cannot be read is not for ever in the
// way of others.
func TestEntryWithoutBlob(t *testing.T) {
	server := actionstest.New(t)
	token := actionstest.Branch(mainRef, mainRef)
	if _, err := open(t, server, token).Publish(t.Context(), manifestName(mainRef), []byte("1"), store.Condition{}, nil); err != nil {
		t.Fatal(err)
	}
	server.SetFault(func(r actionstest.Request) actionstest.Fault {
		if r.Kind == actionstest.Get && strings.HasSuffix(r.Key, "-1") {
			return actionstest.Fault{Status: 404}
		}
		return actionstest.Fault{}
	})
	s := open(t, server, token)
	body, info, err := s.Open(t.Context(), manifestName(mainRef), 0, -1)
	if err != nil || info.Version != "1" {
		t.Fatalf("%+v, %v", info, err)
	}
	if _, err := io.ReadAll(body); !errors.Is(err, snapshot.ErrCorrupt) {
		t.Error(err)
	}
	if _, err := s.Publish(t.Context(), manifestName(mainRef), []byte("2"), store.Condition{IfMatch: info.Version}, nil); err != nil {
		t.Fatal(err)
	}
	data, _, err := store.Get(t.Context(), open(t, server, token), manifestName(mainRef), 100)
	if err != nil || string(data) != "2" {
		t.Errorf("%q, %v", data, err)
	}
}

// TestReservedForEver: a save does not go on for ever past versions that never come.
func TestReservedForEver(t *testing.T) {
	server := actionstest.New(t)
	s := open(t, server, actionstest.Branch(mainRef, mainRef), func(o *actions.Options) { o.Patience = 20 * time.Millisecond })
	server.SetFault(func(r actionstest.Request) actionstest.Fault {
		if r.Kind == actionstest.Create {
			return actionstest.Fault{Status: 409}
		}
		return actionstest.Fault{}
	})
	_, err := s.Publish(t.Context(), manifestName(mainRef), []byte("1"), store.Condition{}, nil)
	if c := server.Counts(); !errors.Is(err, store.ErrUnreachable) || c[actionstest.Create] > 5 {
		t.Errorf("%v, %v", err, c)
	}
}

// TestLimits: a repository that has made too many entries waits once, and what it is told then is
// more than a command waits.
func TestLimits(t *testing.T) {
	server := actionstest.New(t)
	server.SetLimits(1, 100)
	s := open(t, server, actionstest.Branch(mainRef, mainRef))
	if _, err := s.Publish(t.Context(), manifestName(mainRef), []byte("1"), store.Condition{}, nil); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := s.Publish(ctx, manifestName(mainRef), []byte("2"), store.Condition{}, nil)
	if !errors.Is(err, store.ErrUnreachable) || !strings.Contains(err.Error(), "too many requests of the repository") || ctx.Err() != nil {
		t.Error(err)
	}
}

// TestRefusals: what the service and the storage refuse, and how that is told.
func TestRefusals(t *testing.T) {
	reply := func(status int, code, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Ms-Error-Code", code)
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	for name, c := range map[string]struct {
		create, blob http.HandlerFunc
		err          error
		text         string
		blobs        int64
	}{
		"no reason":            {reply(200, "", `{"ok":false}`), nil, store.ErrDenied, "the reservation is refused", 0},
		"may not write":        {reply(200, "", `{"ok":false,"message":"cache write denied: x"}`), nil, store.ErrReadOnly, "cache write denied", 0},
		"a firewall":           {nil, reply(403, "", "blocked"), store.ErrDenied, "127.0.0.1", 1},
		"the URL has expired":  {nil, reply(403, "AuthenticationFailed", ""), store.ErrDenied, "AuthenticationFailed", 1},
		"the storage is full":  {nil, reply(503, "ServerBusy", ""), store.ErrUnreachable, "ServerBusy", 2},
		"the answer is no URL": {reply(200, "", `{"ok":true,"signed_upload_url":"x"}`), nil, store.ErrUnsupported, "not a URL", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var server *httptest.Server
			server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case strings.HasSuffix(r.URL.Path, "/GetCacheEntryDownloadURL"):
					io.WriteString(w, `{"ok":false}`)
				case strings.HasSuffix(r.URL.Path, "/CreateCacheEntry") && c.create != nil:
					c.create(w, r)
				case strings.HasSuffix(r.URL.Path, "/CreateCacheEntry"):
					fmt.Fprintf(w, `{"ok":true,"signed_upload_url":"%s/blob?sig=sesame"}`, server.URL)
				default:
					io.Copy(io.Discard, r.Body)
					c.blob(w, r)
				}
			}))
			defer server.Close()
			s, err := actions.New(actions.Options{URL: server.URL, Token: "token", MaxAttempts: 2})
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.Publish(t.Context(), manifestName(mainRef), []byte("1"), store.Condition{}, nil)
			if !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "sesame") {
				t.Errorf("%v, want %v and %q", err, c.err, c.text)
			}
			if n := s.Requests()["PUT"]; n != c.blobs {
				t.Errorf("%d requests to the storage, want %d", n, c.blobs)
			}
		})
	}
}

// TestTooLarge: what the service would not keep is refused before a byte of it is sent.
func TestTooLarge(t *testing.T) {
	server := actionstest.New(t)
	s := open(t, server, actionstest.Branch(mainRef, mainRef))
	_, err := s.Put(t.Context(), snapshot.PackObject("r", mainRef, digest.Of(nil)), errReader{errors.New("read")}, 11<<30, store.Condition{})
	if !errors.Is(err, store.ErrTooLarge) || server.Requests() > 0 {
		t.Errorf("%v, %d requests", err, server.Requests())
	}
}

// TestForeignEntry: an entry of another program under our keys hides none of ours.
func TestForeignEntry(t *testing.T) {
	server := actionstest.New(t)
	main, pull := actionstest.Branch(mainRef, mainRef), actionstest.Branch(pullRef, mainRef)
	if _, err := open(t, server, main).Publish(t.Context(), manifestName(mainRef), []byte("1"), store.Condition{}, nil); err != nil {
		t.Fatal(err)
	}
	s := open(t, server, pull)
	if _, err := s.Publish(t.Context(), manifestName(pullRef), []byte("1"), store.Condition{}, nil); err != nil {
		t.Fatal(err)
	}
	key := server.Keys(pullRef)[0]
	foreign := strings.TrimSuffix(key, "1") + "99999999999999999"
	server.AddVersion(pullRef, foreign, server.Version(key), []byte("x"))
	server.Evict(func(k string) bool { return k == key })
	n, body, _, err := open(t, server, pull).First(t.Context(), []string{manifestName(pullRef), manifestName(mainRef)})
	if err != nil || n != 1 {
		t.Fatal(n, err)
	}
	body.Close()
}
