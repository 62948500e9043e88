package hostile

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/save"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// Ways in which a stored object can be wrong.
var damages = map[string]func([]byte) []byte{
	"flipped bit": func(b []byte) []byte { b[len(b)/2] ^= 4; return b },
	"truncated":   func(b []byte) []byte { return b[:len(b)*2/3] },
	"empty":       func(b []byte) []byte { return b[:0] },
	"missing":     func([]byte) []byte { return nil },
	"not ours":    func([]byte) []byte { return []byte("<html>502 bad gateway</html>") },
}

// TestDamagedObjects damages objects of the store. Everything else is restored, the loss is
// reported, the go command can work with the result, no partial files remain, and the next save
// repairs the store.
func TestDamagedObjects(t *testing.T) {
	root := filepath.Join(t.TempDir(), "store")
	st := e2etest.DirStore(t, root)
	shared.Reset(t)
	shared.Save(t, st)
	m := shared.Manifest(t, st)
	objects := []string{m.Modules[0].Object}
	for _, p := range m.Packs {
		objects = append(objects, p.Object)
	}
	for i, object := range objects {
		for name, damage := range damages {
			if i > 1 && name != "flipped bit" {
				// only one module and one pack get every kind of damage
				continue
			}
			// in one case, the job really builds what is missing
			anew := i == 0 && name == "flipped bit"
			t.Run(name+" "+strings.Split(object, "/")[1]+" "+filepath.Base(object)[:8], func(t *testing.T) {
				shared.Wipe(t)
				e2etest.ChangeObject(t, root, object, damage)
				res := shared.Restore(t, st)
				if !e2etest.Names(res.Losses, object, m.Modules[0].Path) {
					t.Fatalf("the loss of %s is not named: %+v", object, res.Losses)
				}
				if res.Modules.Restored+res.Build.Restored == 0 {
					t.Error("nothing at all was restored")
				}
				shared.NoLeftovers(t)
				if anew {
					shared.MustBuild(t)
				} else { // as if the job had rebuilt everything, which would take long
					shared.Reset(t)
				}
				saved := shared.Save(t, st, func(o *save.Options) { o.State = &res.State })
				if !saved.Written {
					t.Error("the save did not repair the store")
				}
				shared.Wipe(t)
				if res := shared.Restore(t, st); len(res.Losses) > 0 || res.Modules.Restored != 3 {
					t.Fatalf("after mending: %+v", res)
				}
				if anew {
					shared.MustBuildOffline(t)
				} else {
					// equal trees need no build to prove that they work
					shared.MustEqualTrees(t)
				}
				m = shared.Manifest(t, st)
			})
			if _, err := os.Stat(filepath.Join(root, object)); anew || err != nil || !isNamed(m, object) {
				// Rebuilt entries lie in other packs and are younger than in the reference; start
				// over for the next damage.
				shared.Reset(t)
				os.RemoveAll(root)
				shared.Save(t, st)
				m = shared.Manifest(t, st)
			}
		}
	}
}

func isNamed(m *snapshot.Manifest, object string) bool {
	for _, p := range m.Packs {
		if p.Object == object {
			return true
		}
	}
	for _, mod := range m.Modules {
		if mod.Object == object {
			return true
		}
	}
	return false
}

// TestDamagedManifests: a manifest that cannot be read is a miss and is reported, modules are still
// restored from go.sum, and the next save replaces it.
func TestDamagedManifests(t *testing.T) {
	later := func(b []byte) []byte {
		return bytes.Replace(b, []byte("gocache-manifest 2\n"), []byte("gocache-manifest 3\n"), 1)
	}
	for name, damage := range map[string]func([]byte) []byte{
		"flipped bit": damages["flipped bit"], "truncated": damages["truncated"], "empty": damages["empty"], "not ours": damages["not ours"], "later format": later,
	} {
		t.Run(name, func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "store")
			st := e2etest.DirStore(t, root)
			shared.Reset(t)
			shared.Save(t, st)
			key := shared.Plan(t, "job").Key
			exact := snapshot.ManifestObject("r", e2etest.MainScope, key.Exact())
			e2etest.ChangeObject(t, root, exact, damage)
			shared.Wipe(t)
			res := shared.Restore(t, st)
			if res.Matched == nil || res.Matched.Object == exact || !e2etest.Names(res.Losses, exact) {
				t.Errorf("with the latest one whole: %+v", res)
			}
			e2etest.ChangeObject(t, root, snapshot.ManifestObject("r", e2etest.MainScope, key.Latest()), damage)
			shared.Wipe(t)
			res = shared.Restore(t, st)
			if res.Matched != nil || res.Modules.Restored != 3 || len(res.Losses) != 2 {
				t.Errorf("restore: %+v", res)
			}
			shared.Reset(t) // as if the job had rebuilt everything, which would take long
			if saved := shared.Save(t, st, func(o *save.Options) { o.State = &res.State }); !saved.Written {
				t.Errorf("save: %+v", saved)
			}
			shared.Wipe(t)
			if res := shared.Restore(t, st); res.Matched == nil || res.Matched.Object != exact || len(res.Losses) > 0 {
				t.Errorf("after mending: %+v", res)
			}
			shared.MustEqualTrees(t)
		})
	}
}

// TestMovedManifest: a manifest that was copied to the name of another key or scope is refused
// there.
func TestMovedManifest(t *testing.T) {
	root := filepath.Join(t.TempDir(), "store")
	st := e2etest.DirStore(t, root)
	shared.Reset(t)
	shared.Save(t, st)
	data, err := os.ReadFile(filepath.Join(root, shared.ManifestObject(t)))
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(root, snapshot.ManifestObject("r", "refs/heads/other", shared.Plan(t, "job").Key.Exact()))
	if err := os.MkdirAll(filepath.Dir(other), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other, data, 0o644); err != nil {
		t.Fatal(err)
	}
	shared.Wipe(t)
	res := shared.Restore(t, st, func(o *restore.Options) { o.Scope = "refs/heads/other" })
	if res.Matched == nil || res.Matched.Scope != e2etest.MainScope || len(res.Losses) != 1 {
		t.Errorf("matched %+v, losses %+v", res.Matched, res.Losses)
	}
}

// TestTamperedModule puts other code into a module object, well formed and under the right name. It
// must not get into GOMODCACHE, with or without a manifest.
func TestTamperedModule(t *testing.T) {
	root := filepath.Join(t.TempDir(), "store")
	st := e2etest.DirStore(t, root)
	shared.Reset(t)
	shared.Save(t, st)
	var toml snapshot.Module
	for _, m := range shared.Manifest(t, st).Modules {
		if m.Path == "github.com/BurntSushi/toml" {
			toml = m
		}
	}
	e2etest.ChangeObject(t, root, toml.Object, func(b []byte) []byte {
		return rewrite(t, b, "decode.go", "package toml\n\nfunc init() { panic(\"evil\") }\n")
	})
	for _, repo := range []string{"r", "another"} {
		shared.Wipe(t)
		res := shared.Restore(t, st, func(o *restore.Options) { o.Repo = repo })
		if res.Modules.Refused != 1 || res.Modules.Restored != 2 || !e2etest.Names(res.Losses, "BurntSushi") {
			t.Errorf("repo %s: %+v %+v", repo, res.Modules, res.Losses)
		}
		if _, err := os.Stat(filepath.Join(shared.Mod, "github.com", "!burnt!sushi", "toml@v1.5.0")); err == nil {
			t.Errorf("repo %s: the tampered tree is in the module cache", repo)
		}
		shared.NoLeftovers(t)
		// without a manifest, a build would have to compile the whole standard library
		if repo == "r" {
			shared.MustBuild(t)
		}
	}
}

// rewrite replaces one member of a module object.
func rewrite(t *testing.T, object []byte, base, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := snapshot.NewWriter(&out)
	r := snapshot.NewReader(snapshot.StreamModule(bytes.NewReader(object)), nil, nil)
	defer r.Close()
	found := false
	for {
		m, err := r.Next()
		if err != nil {
			break
		}
		if filepath.Base(m.Name) == base {
			found = true
			m.Size = int64(len(text))
			_, err = w.Add(m, strings.NewReader(text))
		} else {
			_, err = w.Add(m, r)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Close(); err != nil || !found {
		t.Fatal("member not found", err)
	}
	return out.Bytes()
}

// TestTamperedCache: a module that go.sum contradicts, and an output that does not match its name,
// are not uploaded.
func TestTamperedCache(t *testing.T) {
	st := e2etest.DirStore(t, filepath.Join(t.TempDir(), "store"))
	shared.Reset(t)
	e2etest.Overwrite(t, filepath.Join(shared.Mod, "github.com", "!burnt!sushi", "toml@v1.5.0", "decode.go"), func(b []byte) []byte { b[len(b)-3] ^= 1; return b })
	outputs, _ := filepath.Glob(filepath.Join(shared.Build, "*", "*-d"))
	var victim string
	for _, o := range outputs {
		if info, err := os.Stat(o); err == nil && info.Mode().IsRegular() && info.Size() > 1000 {
			victim = o
			break
		}
	}
	e2etest.Overwrite(t, victim, func(b []byte) []byte { b[500] ^= 1; return b })
	res := shared.Save(t, st)
	if res.Modules.Skipped != 1 || res.Modules.Uploaded != 2 || res.Build.Skipped != 1 || len(res.Warnings) != 2 {
		t.Errorf("save: %+v", res)
	}
	m := shared.Manifest(t, st)
	for _, o := range m.Outputs {
		if strings.HasPrefix(filepath.Base(victim), o.ID.String()) {
			t.Error("the corrupt output is in the manifest")
		}
	}
	shared.Wipe(t)
	if res := shared.Restore(t, st); res.Modules.Restored != 2 || len(res.Losses) > 0 {
		t.Errorf("restore: %+v", res)
	}
}
