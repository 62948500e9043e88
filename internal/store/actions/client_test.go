package actions_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/org/gocache-action/internal/store/actions/actionstest"
	"github.com/org/gocache-action/internal/store/storetest"
)

// TestRealClient: the service of these tests is one for the client of GitHub as well.
func TestRealClient(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Node.js again and again")
	}
	client := storetest.NewActionsClient(t)
	server := actionstest.New(t)
	token := actionstest.Branch(mainRef, mainRef)
	from := t.TempDir()
	files := map[string][]byte{
		"small.txt": []byte("small"),
		"large.bin": storetest.Content(1, 130<<20), // in several blocks, as more than 128 MB are
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(from, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for key, file := range map[string]string{"test-small": "small.txt", "test-large": "large.bin"} {
		id := client.Save(t, server.URL, token, from, key, file)
		if n, err := strconv.Atoi(id); err != nil || n < 1 {
			t.Fatalf("saved as %q", id)
		}
	}
	counts := server.Counts()
	if counts[actionstest.PutBlob] == 0 || counts[actionstest.PutBlock] < 2 || counts[actionstest.PutList] == 0 || counts[actionstest.Finalize] != 2 {
		t.Errorf("requests: %v", counts)
	}
	for _, c := range []struct {
		token string
		keys  []string
		file  string
		want  string
	}{
		{actionstest.Branch(pullRef, mainRef), []string{"test-x", "test-la"}, "large.bin", "test-large"},
		{token, []string{"test-s"}, "small.txt", "nothing"}, // the first key is no prefix
	} {
		to := t.TempDir()
		if got := client.Restore(t, server.URL, c.token, to, c.keys, c.file); got != c.want {
			t.Errorf("%q: found %q, want %q", c.keys, got, c.want)
			continue
		}
		got, err := os.ReadFile(filepath.Join(to, c.file))
		if c.want != "nothing" && (err != nil || !bytes.Equal(got, files[c.file])) {
			t.Errorf("%q: %d bytes, %v", c.keys, len(got), err)
		}
	}
	// A key is saved once, and not with a token that only reads.
	if id := client.Save(t, server.URL, token, from, "test-small", "small.txt"); id != "-1" {
		t.Errorf("saved again as %q", id)
	}
	read := actionstest.Token(actionstest.Grant{Scope: mainRef, Permission: actionstest.Read})
	if id := client.Save(t, server.URL, read, from, "test-other", "small.txt"); id != "-1" {
		t.Errorf("saved with a token that only reads as %q", id)
	}
}
