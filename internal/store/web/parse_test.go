package web

import (
	"net/url"
	"testing"
)

func TestEscape(t *testing.T) {
	for name, want := range map[string]string{
		"v2/modules/example.com/x@v1.0.0+incompatible": "v2/modules/example.com/x%40v1.0.0%2Bincompatible",
		"!burnt~sushi=x": "%21burnt~sushi%3Dx",
		"#con#/a":        "%23con%23/a",
	} {
		got := escape(name)
		if got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		if back, err := url.PathUnescape(got); err != nil || back != name {
			t.Errorf("%s: comes back as %s, %v", name, back, err)
		}
	}
}
