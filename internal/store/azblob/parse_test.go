package azblob

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/rest"
)

// TestStringToSign has the parts in which a mistake would show only with some requests.
// https://learn.microsoft.com/en-us/rest/api/storageservices/authorize-with-shared-key
func TestStringToSign(t *testing.T) {
	req, err := http.NewRequest(http.MethodPut, "https://acc.blob.core.windows.net/con/a%2Bb?comp=block&blockid=YQ%3D%3D", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = 65
	for name, value := range map[string]string{"X-Ms-Version": "2021-12-02", "X-Ms-Date": "now", "If-Match": `"e"`, "Range": "bytes=0-1", "Content-Md5": "m"} {
		req.Header.Set(name, value)
	}
	want := "PUT\n\n\n65\nm\n\n\n\n\"e\"\n\n\nbytes=0-1\nx-ms-date:now\nx-ms-version:2021-12-02\n/acc/con/a%2Bb\nblockid:YQ==\ncomp:block"
	if got := stringToSign(req, "acc"); got != want {
		t.Errorf("%q\nwant %q", got, want)
	}
}

// TestSecretsAreNotPrinted: neither by accident, in a struct that is printed.
func TestSecretsAreNotPrinted(t *testing.T) {
	for _, a := range []any{signature{"sig=hunter2"}, sharedKey{"acc", []byte("hunter2")}} {
		if text := fmt.Sprintf("%v %+v %#v", a, a, a); strings.Contains(text, "hunter2") || strings.Contains(text, "104") {
			t.Errorf("%T: %s", a, text)
		}
	}
}

func FuzzParsePage(f *testing.F) {
	f.Add([]byte("\ufeff<?xml version=\"1.0\"?><EnumerationResults><Blobs><Blob><Name>p/x</Name><Properties><Last-Modified>Mon, 27 Jan 2025 10:00:00 GMT</Last-Modified><Etag>0x8D</Etag><Content-Length>5</Content-Length></Properties></Blob></Blobs><NextMarker/></EnumerationResults>"))
	f.Add([]byte("<html></html>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, ok := parsePage(data)
		if !ok {
			return
		}
		c := &container{opts: Options{Options: rest.Options{Prefix: "p"}}}
		for _, b := range p.Blobs {
			if e, ok := c.entry(b); ok && store.CheckName(e.Name) != nil {
				t.Errorf("%+v", e)
			}
		}
	})
}
