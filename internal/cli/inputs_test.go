package cli

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/ghaction"
)

// TestWrongInputs: a mistake is reported in the user's own words, and ends the step before it does
// anything.
func TestWrongInputs(t *testing.T) {
	for want, with := range map[string]map[string]string{
		`invalid value "maybe" in the input modules`:    {"modules": "maybe"},
		`invalid value "1 fortnight" in the input max-`: {"max-age": "1 fortnight"},
		`invalid value "x" in the input stall-timeout`:  {"stall-timeout": "x"},
		`invalid value "y" in $GOCACHE_ACTION_TIMEOUT`:  {"GOCACHE_ACTION_TIMEOUT": "y"},
		"the inputs store and bucket exclude":           {"store": "s3://a", "bucket": "b"},
		"the input prefix goes with bucket":             {"store": "s3://a", "prefix": "b"},
		"one of them is empty":                          {"access-key-id": "AKID"},
		"project directory nowhere is not a directory":  {"working-directory": "nowhere"},
		"the input sse is for stores in S3":             {"sse": "AES256"},
		"is neither a public key nor a file":            {"trust-key": "nonsense"},
	} {
		env := map[string]string{ghaction.InputVariable("store"): "file://" + filepath.ToSlash(filepath.Join(t.TempDir(), "store"))}
		for name, value := range with {
			if strings.ToUpper(name) != name {
				name = ghaction.InputVariable(name)
			}
			env[name] = value
		}
		var out bytes.Buffer
		code := execute(context.Background(), &console{stdout: &out, stderr: &out}, []string{"action", "main"}, func(name string) string { return env[name] })
		if line := "::error title=gocache::"; code != config.ExitUsage || !strings.Contains(out.String(), line) || !strings.Contains(out.String(), want) {
			t.Errorf("%v: exit code %d, want %q in\n%s", with, code, want, out.String())
		}
	}
}
