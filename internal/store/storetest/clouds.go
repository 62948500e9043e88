package storetest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Cloud is a running server of another interface than that of S3.
type Cloud struct {
	Endpoint string // base URL, as in the URL of a store
	Addr     string // 127.0.0.1:PORT
	env      []string
	address  func(bucket, prefix, endpoint string) string
	bucket   func(t testing.TB, name string)
}

// Env returns the variables, as NAME=value, that let a child process use the server.
func (c *Cloud) Env() []string { return c.env }

// Bucket makes an empty bucket or container.
func (c *Cloud) Bucket(t testing.TB, name string) {
	t.Helper()
	c.bucket(t, name)
}

// URL returns the store URL of a prefix in a bucket or container; the prefix may be empty.
func (c *Cloud) URL(bucket, prefix string) string { return c.address(bucket, prefix, c.Endpoint) }

// AzuriteVariable names the program dist/src/blob/main.js of Azurite, the emulator of Azure's
// storage that Microsoft makes (npm install azurite). Installing it takes longer than all tests
// that need it, which are left out without the variable.
const AzuriteVariable = "GOCACHE_TEST_AZURITE"

// The account that every Azurite has.
const (
	AzuriteAccount = "devstoreaccount1"
	AzuriteKey     = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
	azuriteVersion = "2019-12-12"
)

// given before a test can change the directory or the environment
var azuriteProgram = absolute(os.Getenv(AzuriteVariable))

// Azurite starts the emulator, which checks signatures, checksums and conditions.
func Azurite(t testing.TB) *Cloud {
	t.Helper()
	if azuriteProgram == "" {
		t.Skip(AzuriteVariable + " is not set")
	}
	data := t.TempDir()
	p, err := program{
		tool: tool{name: "azurite"}, health: "/", path: "node",
		args: func(addr string) []string {
			_, port, _ := strings.Cut(addr, ":")
			return []string{azuriteProgram, "--blobPort", port, "--location", data, "--silent", "--disableTelemetry", "--skipApiVersionCheck"}
		},
	}.start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	c := &Cloud{Endpoint: p.endpoint() + "/" + AzuriteAccount, Addr: p.addr, env: []string{"AZURE_STORAGE_KEY=" + AzuriteKey, "AZURE_STORAGE_SAS_TOKEN="}}
	c.address = func(bucket, prefix, endpoint string) string {
		u := url.URL{Scheme: "azblob", Host: bucket, Path: "/" + prefix, RawQuery: url.Values{"account": {AzuriteAccount}, "endpoint": {endpoint}}.Encode()}
		return u.String()
	}
	c.bucket = func(t testing.TB, name string) {
		req := request(t, http.MethodPut, c.Endpoint+"/"+name+"?restype=container&"+AzuriteSignature().Encode(), nil)
		req.Header.Set("X-Ms-Version", azuriteVersion)
		answered(t, req, http.StatusCreated)
	}
	return c
}

// AzuriteSignature signs for everything in the account of an Azurite, for an hour.
// https://learn.microsoft.com/en-us/rest/api/storageservices/create-account-sas
func AzuriteSignature() url.Values {
	key, err := base64.StdEncoding.DecodeString(AzuriteKey)
	if err != nil {
		panic(err) // a constant
	}
	v := url.Values{"sv": {azuriteVersion}, "ss": {"b"}, "srt": {"sco"}, "sp": {"rwdlac"}, "se": {time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s\n%s\n%s\n%s\n\n%s\n\n\n%s\n", AzuriteAccount, v.Get("sp"), v.Get("ss"), v.Get("srt"), v.Get("se"), v.Get("sv"))
	v.Set("sig", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return v
}

// FakeGCS starts fake-gcs-server, which keeps objects in memory. It checks checksums and
// generations, and no tokens. Building it takes a minute or two, so a test that needs it is left
// out unless it is asked for, see ServersEnv. Env has credentials for workload identity federation,
// whose token service is one for the test.
func FakeGCS(t testing.TB) *Cloud {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the servers are built for unix")
	}
	if !fakegcs.asked() {
		t.Skip(fakegcs.name + " is not in " + ServersEnv)
	}
	p, err := program{
		tool: fakegcs, health: "/_internal/healthcheck",
		args: func(addr string) []string {
			_, port, _ := strings.Cut(addr, ":")
			return []string{"-backend", "memory", "-scheme", "http", "-host", "127.0.0.1", "-port", port, "-log-level", "error"}
		},
	}.start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	c := &Cloud{Endpoint: p.endpoint(), Addr: p.addr, env: []string{"GOOGLE_APPLICATION_CREDENTIALS=" + Federation(t).File}}
	c.address = func(bucket, prefix, endpoint string) string {
		u := url.URL{Scheme: "gs", Host: bucket, Path: "/" + prefix, RawQuery: url.Values{"endpoint": {endpoint}}.Encode()}
		return u.String()
	}
	c.bucket = func(t testing.TB, name string) {
		body, err := json.Marshal(map[string]string{"name": name})
		if err != nil {
			t.Fatal(err)
		}
		req := request(t, http.MethodPost, c.Endpoint+"/storage/v1/b?project=test", body)
		req.Header.Set("Content-Type", "application/json")
		answered(t, req, http.StatusOK)
	}
	return c
}

func request(t testing.TB, method, url string, body []byte) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func answered(t testing.TB, req *http.Request, status int) {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != status {
		t.Fatalf("%s %s: %s %s", req.Method, req.URL.Path, resp.Status, text)
	}
}

// FederationServer is Google's token service for workload identity federation, as far as tests need
// it: it checks the request that https://datatracker.ietf.org/doc/html/rfc8693 describes.
type FederationServer struct {
	File  string // credentials of type external_account, for GOOGLE_APPLICATION_CREDENTIALS
	Token string // the one that it gives out
}

// The token of the job, and for whom it is made.
const (
	subjectToken = "header.claims.signature"
	audience     = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/ci"
)

// Federation starts a token service for the test.
func Federation(t testing.TB) *FederationServer {
	t.Helper()
	f := &FederationServer{Token: "ya29.federated-" + strings.Repeat("x", 30)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for name, want := range map[string]string{
			"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": subjectToken, "audience": audience,
		} {
			if got := r.FormValue(name); got != want {
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprintf(w, `{"error":"invalid_grant","error_description":"%s is wrong"}`, name)
				return
			}
		}
		fmt.Fprintf(w, `{"access_token":%q,"issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer","expires_in":3600}`, f.Token)
	}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	f.File = filepath.Join(dir, "credentials.json")
	data, err := json.Marshal(map[string]any{
		"type": "external_account", "audience": audience, "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
		"token_url": server.URL + "/v1/token", "credential_source": map[string]string{"file": token},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{token: []byte(subjectToken), f.File: data} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return f
}
