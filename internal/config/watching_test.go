package config

import (
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/usage"
)

// TestWatchURLs: what is no URL is wrong usage, and not repeated: it may hold a password.
func TestWatchURLs(t *testing.T) {
	for text, ok := range map[string]bool{
		"": true, "http://h:9091": true, "https://u:p@h/prefix/": true, "h:9091": false, "ftp://h": false, "http://": false, "http://u:sesame%zz@h": false,
	} {
		for _, w := range []WatchConfig{{PushGateway: text}, {Webhook: text}} {
			if err := (&Config{Watch: w}).Check(); (err == nil) != ok || err != nil && (!usage.Is(err) || strings.Contains(err.Error(), "sesame")) {
				t.Errorf("%+v: %v", w, err)
			}
		}
	}
	if err := (&Config{Watch: WatchConfig{Template: "x"}}).Check(); !usage.Is(err) {
		t.Errorf("a template without a webhook: %v", err)
	}
}
