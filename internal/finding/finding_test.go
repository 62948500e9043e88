package finding

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestFindings(t *testing.T) {
	f := Findings{
		{Check: "go", Status: OK, Evidence: "go1.26.8"},
		{Check: "disk-space", Status: Warn, Evidence: "1 GB free\nof 100 GB", Remedy: Run("gocache trim").With("or a\nlarger disk")},
		{Check: "clock", Status: Fail, Evidence: "behind", Remedy: Advise("set it")},
		{Check: "sumdb", Status: Warn, Evidence: "off", Remedy: Run("go env -u GOSUMDB")},
	}
	if f.Worst() != Fail {
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
                     or a
                     larger disk
fail  clock       behind
                  -> set it
warn  sumdb       off
                  -> go env -u GOSUMDB
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
	if len(back) != len(f) || back[0] != f[0] || back[1] != f[1] {
		t.Errorf("%s became %v", text, back)
	}
	if err := json.Unmarshal([]byte(`[{"status":"bad"}]`), &back); err == nil {
		t.Error("an unknown status was taken")
	}
}
