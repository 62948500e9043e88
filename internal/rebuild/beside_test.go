package rebuild

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

// TestEdits: what a user changes in module files while a rebuild runs stays, also if that fails.
func TestEdits(t *testing.T) {
	for _, moment := range []string{string(Verify), string(Keep)} {
		w := newWorld(t)
		o := w.options()
		o.Interrupt = func(m string) error {
			if m != moment {
				return nil
			}
			w.write(filepath.Join(w.proj, "go.mod"), "edited")
			return errTest
		}
		if _, err := Run(t.Context(), o); !errors.Is(err, errTest) || w.read("p/go.mod") != "edited" {
			t.Errorf("%s: %v, go.mod: %s", moment, err, w.read("p/go.mod"))
		}
	}
}

// TestWorkSum: what go commands add to go.work.sum in a workspace does not end the rebuild, and is
// taken back; what others do to it stays.
func TestWorkSum(t *testing.T) {
	for name, tt := range map[string]struct{ before, during, after string }{
		"was not there": {"", "a v1 h1:x\n", ""},
		"gets a line":   {"a v1 h1:x\n", "a v1 h1:x\nb v1 h1:y\n", "a v1 h1:x\n"},
		"of others":     {"a v1 h1:x\n", "b v1 h1:y\n", "b v1 h1:y\n"},
	} {
		w := newWorld(t)
		o := w.options()
		work := filepath.Join(w.proj, "go.work")
		w.write(work, "go 1.24\n\nuse .\n")
		o.Files = append(o.Files, work)
		if tt.before != "" {
			w.write(work+".sum", tt.before)
			o.Files = append(o.Files, work+".sum")
		}
		o.Go = func(ctx context.Context, dir string, env []string, args ...string) ([]byte, error) {
			if args[1] == "download" || args[0] == "build" {
				w.write(work+".sum", tt.during)
			}
			return w.copies(ctx, dir, env, args...)
		}
		res, err := Run(t.Context(), o)
		must(t, err)
		texts, err := readFiles([]string{work + ".sum"})
		must(t, err)
		if got := texts[work+".sum"]; string(got) != tt.after || (got == nil) != (tt.after == "") || len(res.Backups) > 0 {
			t.Errorf("%s: copies %v, go.work.sum: %q", name, res.Backups, got)
		}
	}
}

// TestBusyAtExchange: go commands that run when all is built do not make it in vain.
func TestBusyAtExchange(t *testing.T) {
	for _, all := range []bool{false, true} {
		w := newWorld(t)
		o := w.options()
		o.All = all
		busy := 0
		o.Interrupt = func(moment string) error {
			if moment == string(Exchange) {
				busy = 2
			}
			return nil
		}
		o.Busy = func() ([]string, error) {
			if busy == 0 {
				return nil, nil
			}
			busy--
			return []string{"process 1"}, nil
		}
		if _, err := Run(t.Context(), o); err != nil || all && busy > 0 {
			t.Errorf("all %v: %v", all, err)
		}
	}
}

// TestOverlap: a cache in the other, or the project in one, is not set aside with it.
func TestOverlap(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Options)
		wrong  [2]bool // without, and with --all
	}{
		{"apart", func(*Options) {}, [2]bool{}},
		{"GOCACHE in GOMODCACHE", func(o *Options) { o.GOCACHE = filepath.Join(o.ModDir, "build") }, [2]bool{false, true}},
		{"GOMODCACHE in GOCACHE", func(o *Options) { o.ModDir = filepath.Join(o.BuildDir, "ab") }, [2]bool{false, true}},
		{"the same", func(o *Options) { o.ModDir = o.BuildDir }, [2]bool{true, true}},
		{"the project in GOMODCACHE", func(o *Options) { o.Dir = filepath.Join(o.ModDir, "p") }, [2]bool{false, true}},
		{"the project in GOCACHE", func(o *Options) { o.Dir = filepath.Join(o.BuildDir, "ab", "p") }, [2]bool{false, true}},
		{"both in the project", func(o *Options) { o.Dir = filepath.Dir(o.ModDir) }, [2]bool{}},
	} {
		for i, all := range []bool{false, true} {
			base := t.TempDir()
			o := Options{Dir: filepath.Join(base, "p"), ModDir: filepath.Join(base, "mod"), BuildDir: filepath.Join(base, "build"), GOCACHE: filepath.Join(base, "build"), All: all}
			tt.change(&o)
			if err := overlap(o); (err != nil) != tt.wrong[i] {
				t.Errorf("%s, all %v: %v", tt.name, all, err)
			}
			if !tt.wrong[i] {
				continue
			}
			if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "lies in") {
				t.Errorf("%s, all %v: Run: %v", tt.name, all, err)
			}
		}
	}
}
