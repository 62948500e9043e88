package hostile

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// TestVerifyOutputs: an output to which a manifest gives the bytes of another one is detected by
// its name, refused, and noted for the next save; everything else is restored. So is an output that
// was changed in the cache.
func TestVerifyOutputs(t *testing.T) {
	root := filepath.Join(t.TempDir(), "store")
	st := e2etest.DirStore(t, root)
	shared.Reset(t)
	shared.Save(t, st)
	honest := shared.Manifest(t, st)
	verify := func(o *restore.Options) { o.VerifyOutputs = true }

	m := shared.Manifest(t, st)
	i, j := sameSize(m)
	a, b := m.Outputs[i].ID, m.Outputs[j].ID
	m.Outputs[i].ID, m.Outputs[j].ID = b, a // each output now has the other's bytes
	for n := range m.Actions {
		switch m.Actions[n].Output {
		case i:
			m.Actions[n].Output = j
		case j:
			m.Actions[n].Output = i
		}
	}
	data, err := m.Encode()
	e2etest.Must(t, err)
	e2etest.ChangeObject(t, root, shared.ManifestObject(t), func([]byte) []byte { return data })

	shared.Wipe(t)
	if res := shared.Restore(t, st); len(res.Losses) > 0 {
		t.Fatalf("without verification: %+v", res.Losses)
	}
	shared.Wipe(t)
	res := shared.Restore(t, st, verify)
	if res.Build.Refused != 2 || len(res.Losses) != 2 || !strings.Contains(res.Losses[0].Reason, "named by") {
		t.Errorf("with verification: %+v %+v", res.Build, res.Losses)
	}
	for _, id := range []digest.ID{a, b} {
		if info, err := os.Stat(outputFile(id)); err == nil && info.Size() == honest.Outputs[i].Size {
			t.Errorf("output %s is in the cache", id)
		}
	}
	shared.MustBuild(t)

	// A local output with changed bytes of the same size.
	shared.Reset(t)
	data, err = honest.Encode()
	e2etest.Must(t, err)
	e2etest.ChangeObject(t, root, shared.ManifestObject(t), func([]byte) []byte { return data })
	file := outputFile(a)
	want, err := os.ReadFile(file)
	e2etest.Must(t, err)
	e2etest.Overwrite(t, file, func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
	if res := shared.Restore(t, st); len(res.Warnings) > 0 || res.Build.Restored > 0 {
		t.Errorf("without verification: %+v", res)
	}
	if res := shared.Restore(t, st, verify); len(res.Warnings) != 1 || res.Build.Restored == 0 || len(res.Losses) > 0 {
		t.Errorf("with verification: %+v", res)
	}
	if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the changed output was not repaired: %v", err)
	}
	shared.MustBuildOffline(t)
}

func outputFile(id digest.ID) string {
	name := id.String()
	return filepath.Join(shared.Build, name[:2], name+"-d")
}

// sameSize returns two plain outputs of the same size, larger than a few bytes, with one action
// each.
func sameSize(m *snapshot.Manifest) (int, int) {
	uses := make([]int, len(m.Outputs))
	for _, a := range m.Actions {
		uses[a.Output]++
	}
	for i, o := range m.Outputs {
		j := slices.IndexFunc(m.Outputs[i+1:], func(p snapshot.Output) bool { return p.Size == o.Size && p.Exec == "" })
		if j >= 0 && o.Exec == "" && o.Size > 100 && uses[i] == 1 && uses[i+1+j] == 1 {
			return i, i + 1 + j
		}
	}
	panic("no two outputs of one size")
}
