package hostile

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/store/storetest"
)

var clouds = map[string]func(testing.TB) *storetest.Cloud{"azurite": storetest.Azurite, "fakegcs": storetest.FakeGCS}

// TestEveryServerOfAnotherKind is TestEveryServer for stores that are not in S3, and runs the other
// commands that take a store.
func TestEveryServerOfAnotherKind(t *testing.T) {
	for name, start := range clouds {
		t.Run(name, func(t *testing.T) {
			c := start(t)
			c.Bucket(t, "bucket")
			url := c.URL("bucket", "some/prefix")
			m := everyCommand(t, url, c.Env())
			for _, args := range [][]string{
				{"stats", "--store", url, "--quiet"}, {"verify", "--store", url},
				{"health", "--store", url},
				{"doctor", "--store", url, "--check", "store,store-write,store-clock", "--write-probe"},
			} {
				cmd := m.cmd("version")
				cmd.Args = append(cmd.Args[:1], args...)
				e := finish(t, cmd)
				if e.code != 0 || strings.Contains(e.stderr, "warning") {
					t.Errorf("%v: %v", args, e)
				}
			}
			removes(t, m)
		})
	}
}

// TestSecretsOfClouds: signatures and tokens are in no output, also with --debug, of commands that
// succeed and of those that fail.
func TestSecretsOfClouds(t *testing.T) {
	for name, start := range clouds {
		t.Run(name, func(t *testing.T) {
			c := start(t)
			c.Bucket(t, "bucket")
			m := newMachine(t, c.URL("bucket", "p"))
			m.env = c.Env()
			secrets := map[string]string{"token": "ya29.", "key": storetest.AzuriteKey, "credential": "header.claims.signature"}
			if name == "azurite" {
				sas := storetest.AzuriteSignature()
				m.env = []string{"AZURE_STORAGE_SAS_TOKEN=" + sas.Encode()}
				secrets["signature"] = sas.Get("sig")[:12]
				secrets["signature in a URL"] = strings.Split(sas.Encode(), "sig=")[1][:12]
			}
			fill(t, m.build, 1, 2, 12<<20)
			failing := m.fresh(t)
			failing.store = c.URL("no-such-bucket", "p")
			failing.build = m.build
			all := finish(t, m.cmd("save", "--fail-on-error", "--debug"))
			if all.code != 0 || !strings.Contains(all.stderr, "PUT ") && !strings.Contains(all.stderr, "POST ") {
				t.Errorf("save: %v", all)
			}
			failed := finish(t, failing.cmd("save", "--fail-on-error", "--debug"))
			if failed.code == 0 {
				t.Error("a save to nothing succeeds")
			}
			text := all.stderr + failed.stderr + all.stdout + failed.stdout
			// What Google calls the ID of an upload lets anybody write to it.
			if n := strings.Count(text, "upload_id="); n != strings.Count(text, "upload_id=***") || (n > 0) != (name == "fakegcs") {
				t.Errorf("%d IDs of uploads, %d of them hidden", n, strings.Count(text, "upload_id=***"))
			}
			for _, what := range slices.Sorted(maps.Keys(secrets)) {
				if strings.Contains(text, secrets[what]) {
					t.Errorf("the %s is printed", what)
				}
			}
		})
	}
}
