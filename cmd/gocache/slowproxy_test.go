package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"
)

// slowProxy is the URL of a module proxy that says which versions there are, and never sends one.
func slowProxy(t *testing.T) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if version, ok := strings.CutSuffix(path.Base(r.URL.Path), ".info"); ok {
			fmt.Fprintf(w, `{"Version":%q}`, version)
			return
		}
		<-r.Context().Done()
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}
