package hostile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/save"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// signedWorld is a store with a snapshot that the job of the main branch signed.
type signedWorld struct {
	root  string
	sign  note.Signer
	trust *snapshot.Trust
}

func newSignedWorld(t *testing.T) signedWorld {
	t.Helper()
	private, public, err := note.GenerateKey(nil, "main")
	e2etest.Must(t, err)
	w := signedWorld{root: filepath.Join(t.TempDir(), "store")}
	w.sign, err = note.NewSigner(private)
	e2etest.Must(t, err)
	v, err := note.NewVerifier(public)
	e2etest.Must(t, err)
	w.trust = &snapshot.Trust{Keys: []note.Verifier{v}, MaxAge: 35 * 24 * time.Hour}
	return w
}

func (w signedWorld) signs(o *save.Options)      { o.Sign, o.Trust = w.sign, w.trust }
func (w signedWorld) demands(o *restore.Options) { o.Trust = w.trust }
func pullRequest(o *restore.Options)             { o.Scope = "refs/pull/1/merge" }

// TestSignedSnapshots: with trusted keys, a restore accepts only a snapshot that one of them signed
// recently for this repository, scope and key. Any other is a miss with a reason, and the next
// candidate is tried. Modules are still restored from go.sum.
func TestSignedSnapshots(t *testing.T) {
	w := newSignedWorld(t)
	st := e2etest.DirStore(t, w.root)
	shared.Reset(t)
	shared.Save(t, st, w.signs)
	exact := shared.ManifestObject(t)
	read := func(name string) []byte {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(w.root, name))
		e2etest.Must(t, err)
		return data
	}
	signed := read(exact)

	shared.Wipe(t)
	if res := shared.Restore(t, st, w.demands); res.Matched == nil || len(res.Losses) > 0 {
		t.Fatalf("signed: %+v", res)
	}
	shared.MustBuildOffline(t)

	// A pull request gains nothing by putting an unsigned snapshot into its own scope: the signed
	// one of the base is restored.
	shared.Save(t, st, func(o *save.Options) { o.Scope, o.DefaultScope = "refs/pull/1/merge", "" })
	shared.Wipe(t)
	res := shared.Restore(t, st, w.demands, pullRequest)
	if res.Matched == nil || res.Matched.Scope != e2etest.MainScope || !lost(res, "refs~pull~1~merge", "not signed") {
		t.Errorf("unsigned one in the own scope: matched %+v, losses %+v", res.Matched, res.Losses)
	}

	// The signed snapshot under the name of another scope, and of another key.
	put := func(name string, data []byte) {
		t.Helper()
		file := filepath.Join(w.root, name)
		e2etest.Must(t, os.MkdirAll(filepath.Dir(file), 0o755))
		e2etest.Must(t, os.WriteFile(file, data, 0o644))
	}
	put(strings.Replace(exact, "refs~heads~main", "refs~pull~1~merge", 1), signed)
	res = shared.Restore(t, st, w.demands, pullRequest)
	if res.Matched == nil || res.Matched.Scope != e2etest.MainScope || !lost(res, "refs~pull~1~merge", "written for") {
		t.Errorf("moved to another scope: matched %+v, losses %+v", res.Matched, res.Losses)
	}
	other := shared.Plan(t, "another job").Key
	put(snapshot.ManifestObject("r", e2etest.MainScope, other.Exact()), signed)
	res = shared.Restore(t, st, w.demands, func(o *restore.Options) { o.Keys = shared.Plan(t, "another job") })
	if res.Matched != nil || !lost(res, "another", "written for") {
		t.Errorf("moved to another key: matched %+v, losses %+v", res.Matched, res.Losses)
	}

	// The snapshot is too old: both the exact and the latest one are refused, and only modules are
	// restored.
	shared.Wipe(t)
	res = shared.Restore(t, st, w.demands, func(o *restore.Options) {
		o.Now = func() time.Time { return time.Now().Add(w.trust.MaxAge + time.Hour) }
	})
	if res.Matched != nil || res.Modules.Restored != 3 || res.Build.Restored != 0 || !lost(res, exact, "expired") {
		t.Errorf("expired: %+v", res)
	}
}

// lost reports whether a loss names an object and a reason.
func lost(res *restore.Result, object, reason string) bool {
	for _, l := range res.Losses {
		if strings.Contains(l.What, object) && strings.Contains(l.Reason, reason) && l.Kind == "refused" {
			return true
		}
	}
	return false
}

// TestSignNothingForeign: a save that signs takes nothing over from a snapshot without a trusted
// signature, and replaces it.
func TestSignNothingForeign(t *testing.T) {
	w := newSignedWorld(t)
	st := e2etest.DirStore(t, w.root)
	shared.Reset(t)
	// an entry from somebody else, in an unsigned snapshot in the place of the signed one
	e2etest.AddEntry(t, shared.Build, 7)
	shared.Save(t, st)
	if !hasAction(shared.Manifest(t, st), 7) {
		t.Fatal("the foreign entry was not saved")
	}
	shared.Reset(t)
	res := shared.Save(t, st, w.signs)
	if !res.Written || len(res.Warnings) == 0 || !strings.Contains(res.Warnings[0], "not signed") {
		t.Errorf("save: %+v", res)
	}
	if hasAction(shared.Manifest(t, st), 7) {
		t.Error("the foreign entry was signed")
	}
	shared.Wipe(t)
	if res := shared.Restore(t, st, w.demands); res.Matched == nil || len(res.Losses) > 0 {
		t.Errorf("restore: %+v", res)
	}
	// The next save has nothing new.
	if res := shared.Save(t, st, w.signs); res.Written {
		t.Errorf("second save: %+v", res)
	}
}

// hasAction looks for the entry that e2etest.AddEntry made.
func hasAction(m *snapshot.Manifest, i int) bool {
	for _, a := range m.Actions {
		if a.ID == (digest.ID{1, byte(i)}) {
			return true
		}
	}
	return false
}
