package cacheprog

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/digest"
)

// TestServe: the protocol by its text. That a go command understands it, the scripts of plan
// --explain-miss show.
func TestServe(t *testing.T) {
	known := digest.Of([]byte("known"))
	find := func(id digest.ID) (Entry, bool) {
		return Entry{Output: id, Size: 7, Time: time.Unix(1, 0).UTC(), File: "/file"}, id == known
	}
	in := `{"ID":1,"Command":"get","ActionID":"` + base64Of(known) + `"}
{"ID":2,"Command":"get","ActionID":"` + base64Of(digest.Of(nil)) + `"}
{"ID":3,"Command":"get","ActionID":"AAAA"}
{"ID":4,"Command":"put"}
{"ID":5,"Command":"close"}
{"ID":6,"Command":"get"}
`
	var out bytes.Buffer
	if err := Serve(strings.NewReader(in), &out, find); err != nil {
		t.Fatal(err)
	}
	want := `{"ID":0,"KnownCommands":["get","close"]}
{"ID":1,"OutputID":"` + base64Of(known) + `","Size":7,"Time":"1970-01-01T00:00:01Z","DiskPath":"/file"}
{"ID":2,"Miss":true}
{"ID":3,"Err":"action ID of 3 bytes"}
{"ID":4,"Err":"unknown command \"put\""}
{"ID":5}
`
	if out.String() != want {
		t.Errorf("answered\n%swant\n%s", out.String(), want)
	}
	if err := Serve(strings.NewReader("{"), &out, find); err == nil {
		t.Error("half a request was taken")
	}
}

func base64Of(id digest.ID) string { return base64.StdEncoding.EncodeToString(id[:]) }
