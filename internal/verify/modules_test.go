package verify

import (
	"archive/zip"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/gofrs/flock"
	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/osfile"
)

// TestModuleFaults makes real faults. Each is found, and mended by removing as little as possible.
func TestModuleFaults(t *testing.T) {
	t.Parallel()
	evil := map[string]string{"go.mod": "module x\n", "a.go": "package evil\n"}
	for name, c := range map[string]struct {
		v     module.Version
		spoil func(w *world, v module.Version)
		// faults, after Fix and Recheck
		want     []string
		evidence string
		gone     []string // files that Fix removes
		stays    []string
	}{
		"a swapped zip, and what was extracted from it, beside the original .ziphash": {
			v: inSum,
			spoil: func(w *world, v module.Version) {
				w.writeZip(v, evil)
				must(w.t, osfile.RemoveAll(filepath.Dir(w.file(v, "a.go"))))
				for name, text := range evil {
					w.write(w.file(v, name), text)
				}
			},
			want: []string{"fail tree removed", "fail zip removed"}, evidence: "go.sum has h1:",
			gone: []string{"a.go", ".zip", ".ziphash"}, stays: []string{".mod", ".info"},
		},
		"a tampered tree of a module that no go.sum names": {
			v:     inDB,
			spoil: func(w *world, v module.Version) { w.write(w.file(v, "a.go"), "package b\n") },
			want:  []string{"fail tree removed"}, evidence: "changed: a.go",
			gone: []string{"a.go"}, stays: []string{".zip", ".ziphash"},
		},
		"a file more": {
			v: inDB,
			spoil: func(w *world, v module.Version) {
				must(w.t, os.Chmod(filepath.Dir(w.file(v, "a.go")), 0o755))
				w.write(w.file(v, "a.go~"), "package b\n")
			},
			want: []string{"fail tree removed"}, evidence: "does not belong there: a.go~",
			gone: []string{"a.go"}, stays: []string{".zip", ".ziphash"},
		},
		"a link in a tree": {
			v: inDB,
			spoil: func(w *world, v module.Version) {
				must(w.t, os.Chmod(filepath.Dir(w.file(v, "a.go")), 0o755))
				if err := os.Symlink("a.go", w.file(v, "b.go")); err != nil {
					w.t.Skip(err)
				}
			},
			want: []string{"fail tree removed"}, evidence: "not a regular file", gone: []string{"a.go"}, stays: []string{".zip"},
		},
		"a swapped zip beside the right tree": {
			v: inDB, spoil: func(w *world, v module.Version) { w.writeZip(v, evil) },
			want: []string{"fail zip removed"}, evidence: "sum.example/db has h1:",
			gone: []string{".zip"}, stays: []string{"a.go", ".ziphash"},
		},
		"a zip that was cut off": {
			v: inSum, spoil: func(w *world, v module.Version) { must(w.t, os.Truncate(w.file(v, ".zip"), 3000)) },
			want: []string{"fail zip removed"}, gone: []string{".zip"}, stays: []string{"a.go", ".ziphash"},
		},
		"another .ziphash": {
			v: inSum, spoil: func(w *world, v module.Version) { w.write(w.file(v, ".ziphash"), modcache.GoModSum(nil)) },
			want: []string{"fail ziphash restored"}, evidence: "go.sum has h1:", stays: []string{"a.go", ".zip", ".ziphash"},
		},
		"no .ziphash": {
			v: inSum, spoil: func(w *world, v module.Version) { must(w.t, os.Remove(w.file(v, ".ziphash"))) },
			want: []string{"warn ziphash"}, stays: []string{"a.go", ".zip"},
		},
		"a .mod that requires more": {
			v: inSum, spoil: func(w *world, v module.Version) {
				w.write(w.file(v, ".mod"), "module example.com/Insum\nrequire evil v1.0.0\n")
			},
			want: []string{"fail mod restored"}, stays: []string{".mod", "a.go"},
		},
		"the same without a tree to make it from": {
			v: inDB,
			spoil: func(w *world, v module.Version) {
				w.write(w.file(v, ".mod"), "module example.com/indb\nrequire evil v1.0.0\n")
				must(w.t, osfile.RemoveAll(filepath.Dir(w.file(v, "a.go"))))
			},
			want: []string{"fail mod removed"}, gone: []string{".mod"}, stays: []string{".zip", ".ziphash"},
		},
		"an .info of another version": {
			v: inDB, spoil: func(w *world, v module.Version) { w.write(w.file(v, ".info"), `{"Version":"v1.0.1"}`) },
			want: []string{"fail info removed"}, evidence: "v1.0.1", gone: []string{".info"}, stays: []string{"a.go"},
		},
		"a private tree that differs from its zip": {
			v: private, spoil: func(w *world, v module.Version) { w.write(w.file(v, "a.go"), "package b\n") },
			want: []string{"fail tree removed"}, evidence: "what lies beside it has h1:", gone: []string{"a.go"}, stays: []string{".zip", ".ziphash"},
		},
		"a private zip that differs from its tree": {
			v: private, spoil: func(w *world, v module.Version) { w.writeZip(v, evil) },
			want: []string{"fail zip removed"}, gone: []string{".zip"}, stays: []string{"a.go", ".ziphash"},
		},
		"a private tree alone, of another hash than it was extracted with": {
			v: private,
			spoil: func(w *world, v module.Version) {
				must(w.t, os.Remove(w.file(v, ".zip")))
				w.write(w.file(v, "a.go"), "package b\n")
			},
			want: []string{"fail tree removed", "fail ziphash removed"}, evidence: "has another, and nothing proves either", gone: []string{"a.go", ".ziphash"},
		},
		"a private .mod that is not that of its tree": {
			v: private, spoil: func(w *world, v module.Version) { w.write(w.file(v, ".mod"), "module corp.example.com/private\n\n") },
			want: []string{"warn mod"}, stays: []string{".mod"},
		},
		"a .ziphash without a hash, beside a private tree": {
			v: private,
			spoil: func(w *world, v module.Version) {
				must(w.t, os.Remove(w.file(v, ".zip")))
				w.write(w.file(v, ".ziphash"), "nonsense")
			},
			want: []string{"fail ziphash removed"}, evidence: "nothing proves what lies beside it",
			gone: []string{"a.go", ".ziphash"}, stays: []string{".mod", ".info"},
		},
		"a .ziphash without a hash, beside a private tree and its zip": {
			v: private, spoil: func(w *world, v module.Version) { w.write(w.file(v, ".ziphash"), "nonsense") },
			want: []string{"fail ziphash restored"}, stays: []string{"a.go", ".zip", ".ziphash"},
		},
		"a link in the place of a tree": {
			v: inSum,
			spoil: func(w *world, v module.Version) {
				tree, other := filepath.Dir(w.file(v, "a.go")), w.t.TempDir()
				must(w.t, osfile.RemoveAll(tree))
				w.write(filepath.Join(other, "a.go"), "package evil\n")
				w.link(other, tree)
			},
			want: []string{"fail tree removed"}, evidence: "it is a link", gone: []string{"a.go"}, stays: []string{".zip", ".ziphash"},
		},
		"a link in the place of a zip": {
			v: inSum,
			spoil: func(w *world, v module.Version) {
				other := filepath.Join(w.t.TempDir(), "zip")
				must(w.t, os.Rename(w.file(v, ".zip"), other))
				w.link(other, w.file(v, ".zip"))
			},
			want: []string{"fail zip removed"}, evidence: "it is a link", gone: []string{".zip"}, stays: []string{"a.go", ".ziphash"},
		},
		"an .info that is too large": {
			v: inSum, spoil: func(w *world, v module.Version) { w.write(w.file(v, ".info"), strings.Repeat(" ", modcache.MaxInfo+1)) },
			want: []string{"fail info removed"}, evidence: "too large", gone: []string{".info"}, stays: []string{"a.go"},
		},
		"an .info that cannot be read": {
			v:     inSum,
			spoil: unreadInfo,
			want:  []string{"warn info"}, evidence: "cannot be read", stays: []string{".info", "a.go"},
		},
		"a tree without a zip": {
			v: inSum, spoil: func(w *world, v module.Version) { must(w.t, os.Remove(w.file(v, ".zip"))) }, stays: []string{"a.go"},
		},
		"an extraction that was interrupted": {
			v: inSum,
			spoil: func(w *world, v module.Version) {
				w.write(w.file(v, ".partial"), "")
				w.write(w.file(v, "a.go"), "")
			},
			want: []string{"warn tree"}, stays: []string{"a.go"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.spoil(w, c.v)
			res := w.run()
			for _, f := range res.Faults {
				if f.Name != c.v.String() || f.Fixed != "" {
					t.Errorf("fault of another version: %+v", f)
				}
			}
			if len(res.Faults) > 0 && !strings.Contains(res.Faults[0].Evidence, c.evidence) {
				t.Errorf("evidence %q, want %q", res.Faults[0].Evidence, c.evidence)
			}
			for _, f := range append(c.gone, c.stays...) {
				if f != ".ziphash" && !exists(w.file(c.v, f)) {
					t.Errorf("verify alone has removed %s", f)
				}
			}
			must(t, Fix(context.Background(), w.o, res))
			must(t, Recheck(context.Background(), w.o, res))
			if got := faults(res); !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
			for _, f := range c.gone {
				if exists(w.file(c.v, f)) {
					t.Errorf("%s is still there", f)
				}
			}
			for _, f := range c.stays {
				if !exists(w.file(c.v, f)) {
					t.Errorf("%s was removed", f)
				}
			}
			if again := w.run(); again.Worst() == finding.Fail {
				t.Errorf("still wrong: %+v", again.Faults)
			}
		})
	}
}

// TestFixIsNotBeside: while go commands run, or hold a lock, nothing is removed.
func TestFixIsNotBeside(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(w.file(inDB, "a.go"), "package b\n")
	w.write(w.outputFile("the first output"), "the wrong output")
	busy := errors.New("busy")
	w.o.Idle = func() error { return busy }
	res := w.run()
	if err := Fix(context.Background(), w.o, res); !errors.Is(err, busy) {
		t.Errorf("beside a go command: %v", err)
	}
	w.o.Idle = nil
	for _, file := range []string{w.file(inDB, ".lock"), filepath.Join(w.o.ModDir, "cache", "lock")} {
		l := flock.New(file)
		must(t, l.Lock())
		if err := Fix(context.Background(), w.o, res); !errors.Is(err, modcache.ErrBusy) {
			t.Errorf("%s is locked: %v", file, err)
		}
		if !exists(w.file(inDB, "a.go")) {
			t.Errorf("%s is locked, and the tree is gone", file)
		}
		must(t, l.Unlock())
	}
	must(t, Fix(context.Background(), w.o, res))
	w.add(inDB) // as a restore does
	w.entry(1, "the first output")
	must(t, Recheck(context.Background(), w.o, res))
	if got := faults(res); !slices.Equal(got, []string{"fail tree restored", "fail output restored"}) || res.Worst() != finding.OK {
		t.Errorf("restored: %q", got)
	}
}

// unreadInfo puts something in the place of .info that nobody can read.
func unreadInfo(w *world, v module.Version) {
	must(w.t, os.Remove(w.file(v, ".info")))
	must(w.t, os.Mkdir(w.file(v, ".info"), 0o755))
}

// TestModuleMendedMeanwhile: Fix removes nothing that is right again.
func TestModuleMendedMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(w.file(inDB, "a.go"), "package b\n")
	must(t, os.Truncate(w.file(inSum, ".zip"), 3000))
	res := w.run()
	w.write(w.file(inDB, "a.go"), sources(inDB)["a.go"])
	w.writeZip(inSum, sources(inSum))
	must(t, Fix(context.Background(), w.o, res))
	if !exists(w.file(inDB, "a.go")) || !exists(w.file(inSum, ".zip")) {
		t.Error("it was removed")
	}
}

// TestRecheckUnread: what cannot be read, or is being extracted, does not count as restored.
func TestRecheckUnread(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(w.file(inDB, "a.go"), "package b\n")
	w.write(w.file(inSum, ".info"), `{"Version":"v1.0.1"}`)
	res := w.run()
	w.write(w.file(inDB, ".partial"), "")
	unreadInfo(w, inSum)
	must(t, Recheck(context.Background(), w.o, res))
	if got := faults(res); !slices.Equal(got, []string{"fail tree", "fail info"}) {
		t.Errorf("%q", got)
	}
}

// TestIsSystem: only what the file has is a fault of it.
func TestIsSystem(t *testing.T) {
	t.Parallel()
	for _, no := range []error{syscall.EIO, syscall.EMFILE, syscall.EACCES} {
		if !isSystem(fmt.Errorf("a.go: %w", &fs.PathError{Op: "read", Err: no})) {
			t.Errorf("%v counts as a fault", no)
		}
	}
	for _, err := range []error{
		zip.ErrFormat, zip.ErrChecksum, zip.ErrAlgorithm, flate.CorruptInputError(1), io.EOF, io.ErrUnexpectedEOF,
		&fs.PathError{Op: "readat", Err: errors.New("negative offset")},
	} {
		if isSystem(err) {
			t.Errorf("%v does not count as a fault", err)
		}
	}
}

// TestUnread: what cannot be read is counted as that, and not as wrong.
func TestUnread(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.o.BuildDir = ""
	unreadInfo(w, inSum)
	res := w.run()
	if info := res.Checked[Info]; info.Unread != 1 || info.Wrong != 0 {
		t.Errorf("%+v", info)
	}
	failed := errors.New("permission denied")
	mod := modcache.Module{Version: inDB, HasTree: true, HasZip: true}
	unread := map[modcache.Small]error{modcache.GoMod: failed, modcache.ZipHash: failed, modcache.Info: modcache.ErrTooLarge}
	v := newVerifier(Options{}, res)
	before := map[Kind]Checked{}
	for k, c := range res.Checked {
		before[k] = *c
	}
	v.count(facts{mod: mod, tree: hashed{here: true, err: failed, unread: true}, zip: hashed{here: true, err: failed, unread: true}, unread: unread})
	v.countBroken([]buildcache.Broken{
		{Path: "00/00-a", Reason: "permission denied", Unreadable: true},
		{Path: "00/00-d", Reason: "permission denied", Unreadable: true},
	})
	for _, k := range Kinds {
		wrong, unread := int64(0), int64(1)
		if k == Info { // it is too large, whatever it has
			wrong, unread = 1, 0
		}
		if c := res.Checked[k]; c.Objects != before[k].Objects+1 || c.Wrong != before[k].Wrong+wrong || c.Unread != before[k].Unread+unread {
			t.Errorf("%s: %+v after %+v", k, *c, before[k])
		}
	}
}
