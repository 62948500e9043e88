package actionstest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The part of GitHub's REST API that is about the caches of a repository, below the URL of the
// server: it sees the entries of all refs, and not their content.

// Tokens of the API.
const (
	Manager = "ghs_may_write_actions"
	Looker  = "ghs_may_only_read"
)

// Kinds of requests of the API.
const (
	List   = "LIST_CACHES"
	Delete = "DELETE_CACHE"
)

// Repo is the repository whose caches these are.
const Repo = "octo/project"

// rest is the server as the API.
type rest struct{ *Server }

// serve adds the methods of the API to those of the service.
func (s rest) serve(mux *http.ServeMux) {
	const caches = "/repos/{owner}/{name}/actions/caches"
	mux.HandleFunc("GET "+caches, s.allowed(List, s.listCaches))
	mux.HandleFunc("DELETE "+caches+"/{id}", s.allowed(Delete, s.deleteCache))
}

// allowed checks the token, as faults and limits come before.
func (s rest) allowed(kind string, serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, ok := s.begin(w, r, kind, r.PathValue("id")); !ok || twirp(s).throttled(w) {
			return
		}
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		switch {
		case token != Manager && token != Looker:
			tell(w, http.StatusUnauthorized, "Bad credentials")
		case r.PathValue("owner")+"/"+r.PathValue("name") != Repo:
			tell(w, http.StatusNotFound, "Not Found")
		case kind == Delete && token == Looker:
			tell(w, http.StatusForbidden, "Resource not accessible by integration")
		default:
			serve(w, r)
		}
	}
}

func tell(w http.ResponseWriter, status int, text string) {
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"message": text})
}

func (s rest) listCaches(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	size, _ := strconv.Atoi(q.Get("per_page"))
	page, _ := strconv.Atoi(q.Get("page"))
	if size < 1 || size > 100 || page < 1 {
		tell(w, http.StatusUnprocessableEntity, "per_page is at most 100, and pages begin at 1")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []map[string]any{}
	for _, e := range s.entries {
		if e.finalized.IsZero() || q.Get("ref") != "" && e.scope != q.Get("ref") || !strings.HasPrefix(e.key, q.Get("key")) {
			continue
		}
		accessed := e.finalized
		if e.accessed.After(accessed) {
			accessed = e.accessed
		}
		list = append(list, map[string]any{
			"id": e.id, "ref": e.scope, "key": e.key, "version": e.version, "size_in_bytes": len(e.content),
			"created_at": e.finalized.Format(time.RFC3339Nano), "last_accessed_at": accessed.Format(time.RFC3339Nano),
		})
	}
	total := len(list)
	list = list[min(total, (page-1)*size):min(total, page*size)]
	reply(w, map[string]any{"total_count": total, "actions_caches": list})
}

func (s rest) deleteCache(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.entries)
	s.entries = slices.DeleteFunc(s.entries, func(e *entry) bool {
		return strconv.Itoa(e.id) == r.PathValue("id") && !e.finalized.IsZero()
	})
	if len(s.entries) == before {
		tell(w, http.StatusNotFound, "Not Found")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// Age makes entries look as if they had been written and read by so much earlier.
func (s *Server) Age(by time.Duration) {
	s.set(func() {
		for _, e := range s.entries {
			if !e.finalized.IsZero() {
				e.finalized = e.finalized.Add(-by)
			}
			e.accessed = e.accessed.Add(-by)
		}
	})
}

// Add makes an entry, such as another program does.
func (s *Server) Add(scope, key string, content []byte) {
	s.AddVersion(scope, key, strings.Repeat("0", 64), content)
}

// AddVersion is Add for a version.
func (s *Server) AddVersion(scope, key, version string, content []byte) {
	s.set(func() {
		e := reserve(s, scope, key, version)
		e.content, e.committed, e.finalized = content, true, time.Now()
	})
}
