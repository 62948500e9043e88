package collect_test

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"testing"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/collect/collecttest"
)

// TestSkips: each of the two common causes is one warning, whatever has it; of the others three are
// named, and the rest is counted.
func TestSkips(t *testing.T) {
	pathError := func(err error) error { return &fs.PathError{Op: "open", Path: "/c/x", Err: err} }
	for name, c := range map[string]struct {
		add  func(s *collect.Skips)
		want []string
	}{
		"nothing": {func(*collect.Skips) {}, nil},
		"another user's": {
			func(s *collect.Skips) {
				s.Add("directory", "", fmt.Errorf("directory 00: %w", pathError(fs.ErrPermission)))
				s.Add("directory", "", fmt.Errorf("directory 01: %w", pathError(fs.ErrPermission)))
				s.Add("file", "02/x-a", fs.ErrPermission)
			},
			[]string{"not saved: 2 directories and 1 file of the build cache that this user may not read, such as directory 00: open /c/x: permission denied; run all steps of the job as one user, or change the owner of /c"},
		},
		"removed meanwhile": {
			func(s *collect.Skips) {
				for i := range 30 {
					s.Add("module", fmt.Sprintf("module m@v1.0.%d", i), pathError(fs.ErrNotExist))
				}
			},
			[]string{"not saved: 30 modules of the build cache that something has removed meanwhile, such as module m@v1.0.0"},
		},
		"causes of their own": {
			func(s *collect.Skips) {
				s.Add("module", "module m@v1.0.0", errors.New("module m@v1.0.0: odd"))
				s.Add("directory", "", errors.New("directory 0a: no directory"))
			},
			[]string{"module m@v1.0.0 is not saved: odd", "build cache: what lies there is not saved: directory 0a: no directory"},
		},
		"many": {
			func(s *collect.Skips) {
				for i := range 300 {
					s.Add("file", fmt.Sprint(i), errors.New("odd"))
				}
			},
			[]string{"0 is not saved: odd", "1 is not saved: odd", "2 is not saved: odd", "and 297 more files of the build cache"},
		},
	} {
		var w collecttest.Warnings
		s := collect.NewSkips("build cache", "/c")
		c.add(s)
		s.Warn(w.Warn)
		s.Warn(w.Warn) // nothing is left to be said
		if !slices.Equal(w, c.want) {
			t.Errorf("%s: %q", name, w)
		}
	}
}
