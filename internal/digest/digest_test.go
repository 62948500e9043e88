package digest

import (
	"fmt"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	want := Of([]byte("abc"))
	const text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // FIPS 180-2, B.1
	if want.String() != text || fmt.Sprint(want) != text {
		t.Errorf("the ID is written as %s, want %s", want, text)
	}
	if got, err := Parse(text); err != nil || got != want {
		t.Errorf("Parse(%s) = %s, %v", text, got, err)
	}
	for _, s := range []string{"", "00", text + "0", strings.ToUpper(text), strings.Repeat("g", 64)} {
		if _, err := Parse(s); err == nil {
			t.Errorf("Parse accepts %q", s)
		}
	}
}
