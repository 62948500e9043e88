package actions_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/actions"
	"github.com/org/gocache-action/internal/store/actions/actionstest"
	"github.com/org/gocache-action/internal/store/storetest"
)

// azuriteVariable names the program dist/src/blob/main.js of Azurite, the emulator of Azure's
// storage that Microsoft makes (npm install azurite). Installing it takes longer than all tests of
// this package.
const azuriteVariable = "GOCACHE_TEST_AZURITE"

// The account that every Azurite has, and the container of the test.
const (
	azuriteAccount = "devstoreaccount1"
	azuriteKey     = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
	azuriteVersion = "2019-12-12"
)

// TestAzurite: blocks, lists of blocks and ranges as the storage of Azure has them.
func TestAzurite(t *testing.T) {
	program := os.Getenv(azuriteVariable)
	if program == "" {
		t.Skip(azuriteVariable + " is not set")
	}
	signed := startAzurite(t, program)
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

// startAzurite starts the emulator, and returns what makes signed URLs.
func startAzurite(t *testing.T, program string) (signed func(path string) string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	_, port, _ := strings.Cut(address, ":")
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "node", program, "--blobPort", port, "--location", t.TempDir(), "--silent", "--disableTelemetry", "--skipApiVersionCheck")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s", &log)
		}
	})
	signature := accountSignature(t)
	signed = func(path string) string {
		return "http://" + address + "/" + azuriteAccount + path + "?" + signature.Encode()
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		req, err := http.NewRequest(http.MethodPut, signed("/cache")+"&restype=container", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Ms-Version", azuriteVersion)
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode != http.StatusCreated {
				t.Fatalf("the container cannot be made: %s", resp.Status)
			}
			return signed
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// accountSignature signs for everything in the account.
// https://learn.microsoft.com/en-us/rest/api/storageservices/create-account-sas
func accountSignature(t *testing.T) url.Values {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(azuriteKey)
	if err != nil {
		t.Fatal(err)
	}
	v := url.Values{"sv": {azuriteVersion}, "ss": {"b"}, "srt": {"sco"}, "sp": {"rwdlac"}, "se": {time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s\n%s\n%s\n%s\n\n%s\n\n\n%s\n", azuriteAccount, v.Get("sp"), v.Get("ss"), v.Get("srt"), v.Get("se"), v.Get("sv"))
	v.Set("sig", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return v
}
