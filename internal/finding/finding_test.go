package finding

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestFindings(t *testing.T) {
	f := Findings{
		{Check: "go", Status: OK, Evidence: "go1.26.8"},
		{Check: "disk-space", Status: Warn, Evidence: "1 GB free\nof 100 GB", Remedy: "gocache trim"},
	}
	if f.Worst() != Warn {
		t.Errorf("worst is %v", f.Worst())
	}
	if (Findings{}).Worst() != OK {
		t.Error("nothing found is not ok")
	}
	var b strings.Builder
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	want := `ok    go          go1.26.8
warn  disk-space  1 GB free
                  of 100 GB
                  -> gocache trim
`
	if b.String() != want {
		t.Errorf("printed\n%swant\n%s", b.String(), want)
	}
	text, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	var back Findings
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if len(back) != 2 || back[1] != f[1] {
		t.Errorf("%s became %v", text, back)
	}
	if err := json.Unmarshal([]byte(`[{"status":"bad"}]`), &back); err == nil {
		t.Error("an unknown status was taken")
	}
}
