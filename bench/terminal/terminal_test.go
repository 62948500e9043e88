package main

import (
	"encoding/xml"
	"io"
	"reflect"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	got, err := parse("a & b\r\n\r\n\x1b[1mlast\x1b[0m line\r\n")
	want := [][]span{{{"a & b", stylePlain}}, nil, {{"last", styleStrong}, {" line", stylePlain}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	for _, bad := range []string{"\x1b[2Kx", "\x1b[1A", "50 %\r100 %", "\x1b]0;title\a", "\x1b[1"} {
		if got, err := parse(bad); err == nil {
			t.Errorf("%q is drawn as %v", bad, got)
		}
	}
}

// TestDraw: a picture is well-formed, and has all the text.
func TestDraw(t *testing.T) {
	lines := [][]span{{{`$ a "<b>" & c`, styleStrong}}, nil, {{"  two", styleRed}, {" 3", stylePlain}}}
	for _, theme := range []theme{light, dark} {
		var text []string
		dec := xml.NewDecoder(strings.NewReader(string(theme.draw(`a "<b>"`, lines))))
		inText := false
		for {
			token, err := dec.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			switch x := token.(type) {
			case xml.StartElement:
				inText = x.Name.Local == "text"
			case xml.EndElement:
				inText = false
			case xml.CharData:
				if inText {
					text = append(text, string(x))
				}
			}
		}
		if want := []string{`$ a "<b>" & c`, "  two", " 3"}; !reflect.DeepEqual(text, want) {
			t.Errorf("%s: %q, want %q", theme.name, text, want)
		}
	}
}
