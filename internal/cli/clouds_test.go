package cli

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/store/azblob"
	"github.com/org/gocache-action/internal/usage"
)

// TestAzureCredentials: which token of the job is exchanged, by what the environment has.
func TestAzureCredentials(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("of the file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	github := map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": "https://x", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t"}
	for name, c := range map[string]struct {
		env  map[string]string
		want string
	}{
		"nothing":      {nil, ""},
		"a file":       {map[string]string{azureTokenFileVariable: file, config.TokenVariable: "of the variable"}, "of the file"},
		"a variable":   {map[string]string{config.TokenVariable: " of the variable\n"}, "of the variable"},
		"GitHub":       {github, "of GitHub for " + azblob.Audience},
		"a secret too": {map[string]string{azureSecretVariable: "s", config.TokenVariable: "of the variable"}, ""},
	} {
		r := &run{
			env:    func(name string) string { return c.env[name] },
			tokens: func(_ context.Context, audience string) (string, error) { return "of GitHub for " + audience, nil },
		}
		got := ""
		if token := azureCredentials(r).Token; token != nil {
			var err error
			if got, err = token(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestS3OnlyElsewhere: settings that a store would ignore are wrong usage.
func TestS3OnlyElsewhere(t *testing.T) {
	for _, cfg := range []*config.Config{{Role: "arn:aws:iam::1:role/x"}, {CustomerKey: "k"}} {
		if err := refuseS3(cfg, "gs:// is Google Cloud Storage"); !usage.Is(err) || !strings.Contains(err.Error(), "Google Cloud Storage") {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
	if err := refuseS3(&config.Config{}, "x"); err != nil {
		t.Error(err)
	}
}

// TestSignatureIsSecret: the signature is found in URLs, where it is among other parameters.
func TestSignatureIsSecret(t *testing.T) {
	const sig = "abc/def+ghi=="
	sas := url.Values{"sv": {"2024"}, "sig": {sig}}.Encode()
	clean := knownSecrets(func(name string) string { return map[string]string{azureSASVariable: "?" + sas}[name] })
	for _, text := range []string{"at " + sig, "GET https://h/c?comp=list&sig=" + url.QueryEscape(sig) + "&x=1"} {
		if got := clean.Text(text); strings.Contains(got, "def") {
			t.Errorf("%s became %s", text, got)
		}
	}
}
