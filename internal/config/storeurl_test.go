package config

import (
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/usage"
)

// TestKeepingOfEnvironment: settings for how objects are kept apply wherever they are made, in a
// step of the action as in a command, and are never silently ignored.
func TestKeepingOfEnvironment(t *testing.T) {
	type m = map[string]string
	for name, c := range map[string]struct {
		store    string
		env      m
		want     string // beginning with "!": part of the error
		unstored string // instead of want, if a command without a store differs from a step
	}{
		"all of them": {store: "s3://b?region=r", env: m{
			"GOCACHE_ACTION_SSE": "aws:kms", "GOCACHE_ACTION_SSE_KMS_KEY_ID": "k", "GOCACHE_ACTION_SSE_BUCKET_KEY": "true",
			"GOCACHE_ACTION_SSE_C_KEY_FILE": "f", "GOCACHE_ACTION_STORAGE_CLASS": "X", "GOCACHE_ACTION_REQUESTER_PAYS": "true",
		}, want: "s3://b?region=r&requester-pays=true&sse=aws%3Akms&sse-bucket-key=true&sse-c-key-file=f&sse-kms-key-id=k&storage-class=X"},
		"none":           {store: "s3://b", env: m{"GOCACHE_ACTION_SSE": " "}, want: "s3://b"},
		"the same":       {store: "s3://b?sse=AES256", env: m{"GOCACHE_ACTION_SSE": "AES256"}, want: "s3://b?sse=AES256"},
		"another":        {store: "s3://b?sse=AES256", env: m{"GOCACHE_ACTION_SSE": "aws:kms"}, want: `!$GOCACHE_ACTION_SSE is "aws:kms", and the URL of the store says sse=AES256`},
		"another payer":  {store: "s3://b?requester-pays=false", env: m{"GOCACHE_ACTION_REQUESTER_PAYS": "true"}, want: "!$GOCACHE_ACTION_REQUESTER_PAYS"},
		"no bucket":      {store: "file:///x", env: m{"GOCACHE_ACTION_SSE": "AES256"}, want: "!$GOCACHE_ACTION_SSE is for stores in S3, and file:///x is none"},
		"off, no bucket": {store: "/x", env: m{"GOCACHE_ACTION_REQUESTER_PAYS": "false"}, want: "/x"},
		"no store":       {env: m{"GOCACHE_ACTION_SSE_C_KEY_FILE": "f"}, unstored: "!$GOCACHE_ACTION_SSE_C_KEY_FILE is for stores in S3, and no store"},
		"off, no store":  {env: m{"GOCACHE_ACTION_SSE_BUCKET_KEY": "0"}},
		"no address":     {store: "s3://b", env: m{"GOCACHE_ACTION_REGION": "r"}, want: "s3://b"},
	} {
		env := func(name string) string { return c.env[name] }
		check := func(how, got string, err error, want string) {
			t.Helper()
			part, wrong := strings.CutPrefix(want, "!")
			if wrong != (err != nil) || !wrong && got != want || wrong && (!usage.Is(err) || !strings.Contains(err.Error(), part)) {
				t.Errorf("%s, %s: %q, %v", name, how, got, err)
			}
		}
		got, err := NewGiven(func(string) string { return "" }).Store(c.store, env)
		check("a step", got, err, c.want)
		for _, cmd := range []Command{Restore, Save, GC} {
			cfg := &Config{Store: c.store}
			err := cfg.FillStore(cmd, env)
			want := c.want
			if c.unstored != "" {
				want = c.unstored
			}
			check("a command", cfg.Store, err, want)
		}
	}
	wins := NewGiven(func(input string) string { return map[string]string{"bucket": "b", "sse": "AES256"}[input] })
	if got, err := wins.Store("", func(string) string { return "aws:kms" }); err != nil || !strings.Contains(got, "sse=AES256") {
		t.Errorf("an input and a variable: %q, %v", got, err)
	}
	cfg := new(Config)
	if err := cfg.FillStore(Trim, func(string) string { return "x" }); err != nil || cfg.Store != "" {
		t.Errorf("a command without a store: %q, %v", cfg.Store, err)
	}
}
