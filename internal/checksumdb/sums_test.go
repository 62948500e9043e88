package checksumdb

import (
	"errors"
	"testing"

	"golang.org/x/mod/module"
)

// TestSums: what a database says of a version, or why it says nothing. Offline, it is not asked.
func TestSums(t *testing.T) {
	srv := newServer(t, "")
	o := Options{GOSUMDB: srv.key + " " + srv.URL, GONOSUMDB: "corp.example.com"}
	s := New(o).Session(t.Context(), "", nil)
	if sum, mod, err := s.Sums(tool); sum != goodSum || mod != goodSum || err != nil {
		t.Errorf("%s, %s, %v", sum, mod, err)
	}
	if _, _, err := s.Sums(module.Version{Path: "evil.example/x", Version: "v1.0.0"}); !errors.Is(err, ErrUnknown) || !errors.Is(err, ErrRefused) {
		t.Errorf("unknown: %v", err)
	}
	if _, _, err := s.Sums(module.Version{Path: "corp.example.com/x", Version: "v1.0.0"}); !errors.Is(err, ErrNotCovered) {
		t.Errorf("excluded: %v", err)
	}
	if _, _, err := New(Options{GOSUMDB: "off"}).Session(t.Context(), "", nil).Sums(tool); !errors.Is(err, ErrUnavailable) {
		t.Errorf("off: %v", err)
	}
	asked := len(srv.paths)
	o.Offline = true
	if _, _, err := New(o).Session(t.Context(), "", nil).Sums(tool); !errors.Is(err, ErrUnavailable) || len(srv.paths) != asked {
		t.Errorf("offline: %v after %d requests", err, len(srv.paths)-asked)
	}
	if New(o).Name() != "sum.example/db" {
		t.Errorf("name %q", New(o).Name())
	}
}
