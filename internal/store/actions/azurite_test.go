package actions_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"testing"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/actions"
	"github.com/org/gocache-action/internal/store/actions/actionstest"
	"github.com/org/gocache-action/internal/store/storetest"
)

// TestAzurite: blocks, lists of blocks and ranges as the storage of Azure has them.
func TestAzurite(t *testing.T) {
	azurite := storetest.Azurite(t)
	azurite.Bucket(t, "cache")
	query := storetest.AzuriteSignature().Encode()
	signed := func(path string) string { return azurite.Endpoint + path + "?" + query }
	server := actionstest.New(t)
	server.SetStorage(func(id int) string { return signed(fmt.Sprintf("/cache/%d", id)) })
	for _, copies := range []bool{false, true} {
		change := func(o *actions.Options) { o.CopiesBlocks, o.BlockSize = copies, 1<<20 }
		ref := fmt.Sprint("refs/heads/copies-", copies)
		token := actionstest.Branch(ref, ref)
		manifest := string(storetest.Content(7, 3<<20)) // in several blocks, too
		var all []string
		var version store.Version
		sizes := []int{3<<20 + 17, 1000, 0, 2 << 20, 1001, 1002, 1003, 1004, 1005}
		for i, n := range sizes {
			s := open(t, server, token, change)
			if i > 0 {
				if _, _, err := store.Get(t.Context(), s, manifestName(ref), 10<<20); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := s.Begin(t.Context(), []store.Expected{{Bytes: int64(n)}}, all); err != nil {
				t.Fatal(err)
			}
			all = append(all, pack(t, s, n))
			if err := s.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			info, err := s.Publish(t.Context(), manifestName(ref), []byte(manifest), store.Condition{IfMatch: version, IfAbsent: version == ""}, all)
			if err != nil {
				t.Fatal(err)
			}
			version = info.Version
		}
		s := open(t, server, token, change)
		got, _, err := store.Get(t.Context(), s, manifestName(ref), 10<<20)
		if err != nil || string(got) != manifest {
			t.Errorf("copies %t: manifest of %d bytes, %v", copies, len(got), err)
		}
		for i, name := range all {
			checkPack(t, s, name, sizes[i])
		}
		body, _, err := s.Open(t.Context(), all[0], 1<<20-5, 10)
		if err != nil {
			t.Fatal(err)
		}
		part, err := io.ReadAll(body)
		body.Close()
		if want := storetest.Content(uint64(sizes[0]), sizes[0])[1<<20-5:][:10]; err != nil || !bytes.Equal(part, want) {
			t.Errorf("copies %t: a range: %d bytes, %v", copies, len(part), err)
		}
		if _, err := s.Stat(t.Context(), snapshot.PackObject("r", ref, sha256.Sum256(nil))); err == nil {
			t.Error("there is what was never put")
		}
	}
}
