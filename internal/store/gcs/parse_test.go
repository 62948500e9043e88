package gcs

import (
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/rest"
)

func TestContentRange(t *testing.T) {
	for want, got := range map[string]string{
		"bytes 0-9/*":    contentRange(0, 10, false),
		"bytes 10-19/20": contentRange(10, 20, true),
		"bytes */20":     contentRange(20, 20, true),
	} {
		if got != want {
			t.Errorf("%s instead of %s", got, want)
		}
	}
}

func FuzzReceived(f *testing.F) {
	f.Add("bytes=0-41")
	f.Add("")
	f.Add("bytes=0-9223372036854775807")
	f.Fuzz(func(t *testing.T, header string) {
		if have, ok := received(header); ok && have < 0 {
			t.Errorf("%q: %d", header, have)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"kind":"storage#objects","nextPageToken":"n","items":[{"name":"p/x","size":"5","generation":"1","updated":"2026-01-02T03:04:05.678Z"}]}`))
	f.Add([]byte(`{"name":"p/x","size":"5","generation":"1"}`))
	f.Add([]byte(`{"error":{"message":"a\nb","errors":[{"reason":"r"}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, ok := parseResource(data); ok && (r.info().Size < 0 || r.info().Version == "") {
			t.Errorf("%+v", r)
		}
		if code, message := parseError(data); strings.ContainsAny(code+message, "\n\r\x1b") {
			t.Errorf("%q %q", code, message)
		}
		p, ok := parsePage(data)
		if !ok {
			return
		}
		b := &rest.Options{Prefix: "p"}
		for _, r := range p.Items {
			if name, ok := b.Name(r.Name); ok && store.CheckName(name) != nil {
				t.Errorf("%q", name)
			}
		}
	})
}
