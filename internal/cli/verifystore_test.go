package cli

import (
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/verify/objects"
)

// TestVerifyStoreRemedies: what the next save mends is told once, at the last fault that it mends;
// what does not mend itself has a remedy of its own.
func TestVerifyStoreRemedies(t *testing.T) {
	fault := func(name string, s finding.Status, remedy string) objects.Fault {
		return objects.Fault{Kind: snapshot.KindPack, Name: name, Status: s, Evidence: "wrong", Remedy: remedy}
	}
	for want, faults := range map[string][]objects.Fault{
		"":                   nil,
		"warn:":              {fault("warn", finding.Warn, "")},
		"a: b:save":          {fault("a", finding.Fail, ""), fault("b", finding.Fail, "")},
		"a:own":              {fault("a", finding.Fail, "delete it")},
		"a:save w:":          {fault("a", finding.Fail, ""), fault("w", finding.Warn, "")},
		"a:save b:own c:own": {fault("a", finding.Fail, ""), fault("b", finding.Fail, "delete it"), fault("c", finding.Fail, "delete it")},
	} {
		var got []string
		for _, f := range (verifyStoreOutput{Result: &objects.Result{Faults: faults}}).findings() {
			name, _, _ := strings.Cut(f.Evidence, ":")
			remedy := ""
			switch {
			case strings.Contains(f.Remedy.Advice, "the next save"):
				remedy = "save"
			case f.Remedy.Advice == "delete it":
				remedy = "own"
			}
			got = append(got, name+":"+remedy)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
