package actionstest

import (
	"encoding/base64"
	"encoding/json"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// call is the body of any request of the service.
type call struct {
	Key         string   `json:"key"`
	RestoreKeys []string `json:"restore_keys"`
	Version     string   `json:"version"`
	SizeBytes   string   `json:"size_bytes"`
}

var kinds = map[string]string{
	"CreateCacheEntry": Create, "FinalizeCacheEntryUpload": Finalize, "GetCacheEntryDownloadURL": Lookup,
}

// twirp is the part of the service that keeps keys.
type twirp struct{ *Server }

func (s twirp) serveTwirp(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var c call
	kind, known := kinds[r.PathValue("method")]
	if err != nil || json.Unmarshal(body, &c) != nil || !known {
		refuse(w, http.StatusNotFound, "bad_route", "no such method")
		return
	}
	f, ok := s.begin(w, r, kind, c.Key)
	if !ok {
		return
	}
	if s.throttled(w) || s.limited(w, kind) {
		return
	}
	grants, ok := access(r.Header.Get("Authorization"))
	if !ok {
		refuse(w, http.StatusUnauthorized, "unauthenticated", "invalid token")
		return
	}
	if text := c.wrong(); text != "" {
		s.problem("%s: %s", kind, text)
		refuse(w, http.StatusBadRequest, "invalid_argument", text)
		return
	}
	answer := map[string]func(http.ResponseWriter, []Grant, call){Lookup: s.lookup, Create: s.create, Finalize: s.finalize}[kind]
	if f.Lost {
		answer(discard{}, grants, c)
		panic(http.ErrAbortHandler)
	}
	answer(w, grants, c)
}

// discard is for answers that get lost.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

func (s twirp) throttled(w http.ResponseWriter) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.throttle == 0 {
		return false
	}
	s.throttle--
	w.Header().Set("Retry-After", strconv.Itoa(int(s.after/time.Second)))
	refuse(w, http.StatusTooManyRequests, "resource_exhausted", "rate limit exceeded")
	return true
}

// limited refuses what is more than the limits of requests allow.
func (s twirp) limited(w http.ResponseWriter, kind string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	list := slices.DeleteFunc(s.recent[kind], func(at time.Time) bool { return now.Sub(at) > time.Minute })
	s.recent[kind] = append(list, now)
	if limit := s.limits[kind]; limit == 0 || len(list) < limit {
		return false
	}
	if !s.loose {
		s.problems = append(s.problems, "more "+kind+" requests in a minute than GitHub allows a repository")
	}
	w.Header().Set("Retry-After", strconv.Itoa(int((time.Minute-now.Sub(list[0]))/time.Second)+1))
	refuse(w, http.StatusTooManyRequests, "resource_exhausted", "rate limit exceeded")
	return true
}

// access reads the grants of a token.
func access(header string) (grants []Grant, ok bool) {
	parts := strings.Split(strings.TrimPrefix(header, "Bearer "), ".")
	if len(parts) != 3 {
		return nil, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct{ AC string }
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return nil, false
	}
	return grants, json.Unmarshal([]byte(claims.AC), &grants) == nil
}

var versions = regexp.MustCompile(`^[0-9a-f]{64}$`)

// wrong says what the service does not accept of a request.
func (c call) wrong() string {
	if !versions.MatchString(c.Version) {
		return "version is not 64 hexadecimal digits"
	}
	if len(c.RestoreKeys) > 10 {
		return "more than 10 keys"
	}
	for _, k := range append([]string{c.Key}, c.RestoreKeys...) {
		if k == "" || len(k) > 512 || strings.Contains(k, ",") {
			return "invalid key " + strconv.Quote(k)
		}
	}
	return ""
}

func refuse(w http.ResponseWriter, status int, code, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"code": code, "msg": text})
}

func reply(w http.ResponseWriter, fields map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(fields)
}

func (s twirp) lookup(w http.ResponseWriter, grants []Grant, c call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.find(grants, append([]string{c.Key}, c.RestoreKeys...), c.Version)
	if e == nil {
		reply(w, map[string]any{"ok": false})
		return
	}
	e.accessed = time.Now()
	reply(w, map[string]any{"ok": true, "signed_download_url": s.sign(e, false), "matched_key": e.key})
}

// visible returns the entries of a scope and version that a lookup at this moment sees, the newest
// first. s.mu is held.
func (s twirp) visible(scope, version string) (list []*entry) {
	when := time.Now()
	if s.lag > 0 {
		when = when.Add(-mathrand.N(s.lag))
	}
	for _, e := range slices.Backward(s.entries) {
		if e.scope == scope && e.version == version && !e.finalized.IsZero() && !e.finalized.After(when) && (s.hidden == nil || !s.hidden(e.key)) {
			list = append(list, e)
		}
	}
	slices.SortStableFunc(list, func(a, b *entry) int { return b.finalized.Compare(a.finalized) })
	return list
}

// find looks an entry up. s.mu is held.
func (s twirp) find(grants []Grant, keys []string, version string) *entry {
	for _, g := range grants {
		if g.Permission&Read == 0 {
			continue
		}
		list := s.visible(g.Scope, version)
		for i, key := range keys {
			for _, e := range list {
				// The first one is the key, and no prefix.
				if e.key == key || i > 0 && strings.HasPrefix(e.key, key) {
					return e
				}
			}
		}
	}
	return nil
}

// writable returns the scope that a token may write to.
func writable(grants []Grant) (scope string, ok bool) {
	for _, g := range grants {
		if g.Permission&Write != 0 {
			return g.Scope, true
		}
	}
	return "", false
}

func (s twirp) create(w http.ResponseWriter, grants []Grant, c call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	scope, ok := writable(grants)
	if !ok {
		reply(w, map[string]any{"ok": false, "message": "cache write denied: token has no writable scopes"})
		return
	}
	e := reserve(s.Server, scope, c.Key, c.Version)
	if e == nil {
		refuse(w, http.StatusConflict, "already_exists", "cache entry with the same key, version, and scope already exists")
		return
	}
	reply(w, map[string]any{"ok": true, "signed_upload_url": s.sign(e, true)})
}

func (s twirp) finalize(w http.ResponseWriter, grants []Grant, c call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	scope, _ := writable(grants)
	for _, e := range s.entries {
		if e.scope != scope || e.key != c.Key || e.version != c.Version || !e.finalized.IsZero() {
			continue
		}
		if size, err := strconv.ParseInt(c.SizeBytes, 10, 64); err != nil || s.storage == nil && (!e.committed || size != int64(len(e.content))) {
			s.problems = append(s.problems, "FINALIZE: "+c.Key+" with "+c.SizeBytes+" bytes, has "+strconv.Itoa(len(e.content)))
			refuse(w, http.StatusBadRequest, "invalid_argument", "size does not match")
			return
		}
		e.finalized = time.Now()
		reply(w, map[string]any{"ok": true, "entry_id": strconv.Itoa(e.id)})
		return
	}
	refuse(w, http.StatusNotFound, "not_found", "no reservation of this key")
}
