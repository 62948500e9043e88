package doctor

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/checksumdb"
	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/modcache"
)

// probeSum is the h1 hash of the module that is asked for where go.sum has no public one.
const probeSum = "h1:g61tztE5qeGQ89tm6NTjjM9VPIm088od1l6aSorWRWg="

// checkSumDB: a checksum database is in use, answers, and agrees with go.sum.
func checkSumDB(ctx context.Context, f *Facts) []finding.Finding {
	if f.EnvErr != nil {
		return nil
	}
	setting, where := f.Env["GOSUMDB"], f.origin("GOSUMDB")
	id, err := checksumdb.Identify(setting)
	switch {
	case setting == "off":
		return []finding.Finding{finding.Warnf(f.unset("GOSUMDB").With("GOPRIVATE names the modules that no database has"),
			"GOSUMDB=off (%s): of a module that is not in go.sum yet, whatever a proxy sends is believed", where)}
	case err != nil:
		return []finding.Finding{finding.Failf(f.unset("GOSUMDB"), "GOSUMDB=%s (%s): %v", setting, where, err)}
	case covers(patterns(f.Env["GONOSUMDB"]), "*"):
		return []finding.Finding{finding.Warnf(f.unset(f.privateBy("GONOSUMDB")).With("or have it name only what is private, such as corp.example.com"), "GONOSUMDB is *: no module is compared with a checksum database")}
	case strings.TrimSpace(f.Env["GOPROXY"]) == "off":
		return []finding.Finding{finding.Okf("%s (%s); not asked, as GOPROXY=off", id.Name, where)}
	}
	db := checksumdb.New(checksumdb.Options{GOSUMDB: setting, GONOSUMDB: f.Env["GONOSUMDB"], GOPROXY: f.Env["GOPROXY"]})
	v, sum := publicSum(f, id.Name, db.Session(ctx, modcache.SumDB(f.Env["GOMODCACHE"]), nil))
	session := db.Session(ctx, "", func(string, []byte) {})
	err = session.Check(v, sum, "")
	switch {
	case errors.Is(err, checksumdb.ErrUnavailable):
		return []finding.Finding{finding.Failf(finding.Advise("see whether the network lets it through, or name a proxy that passes it on; GOPRIVATE names the modules that it need not be asked about"),
			"%v: modules that are not in go.sum yet cannot be added", err)}
	case v == asked: // a database of one's own need not have it
		return []finding.Finding{finding.Okf("%s (%s) answers", id.Name, where)}
	case err == nil:
		return []finding.Finding{finding.Okf("%s (%s) answers, and has the hash of go.sum for %s", id.Name, where, v)}
	case errors.Is(err, checksumdb.ErrNotCovered):
		return []finding.Finding{finding.Okf("%s (%s)", id.Name, where)}
	}
	return []finding.Finding{finding.Failf(finding.Run("git log -p go.sum").With("shows who changed it: what go.sum has now is not what others get. A private module belongs into GOPRIVATE"), "%v", err)}
}

// publicSum is a version of go.sum that a database should know, with its hash. The go command does
// not ask about versions that go.sum has, which may be private without a setting that says so: the
// database of everybody is asked only about those that it has been asked about before, and those
// of Go itself.
func publicSum(f *Facts, database string, kept *checksumdb.Session) (module.Version, string) {
	data, err := os.ReadFile(filepath.Join(f.moduleDir(), "go.sum"))
	if f.moduleDir() == "" || err != nil {
		return asked, probeSum
	}
	for line := range strings.Lines(string(data)) {
		w := strings.Fields(line)
		if len(w) == 3 && !strings.HasSuffix(w[1], "/go.mod") && strings.HasPrefix(w[2], "h1:") && !f.isPrivate(w[0]) {
			v := module.Version{Path: w[0], Version: w[1]}
			if database == "sum.golang.org" && !strings.HasPrefix(v.Path, "golang.org/x/") && !kept.IsPublic(v) {
				continue
			}
			return v, w[2]
		}
	}
	return asked, probeSum
}
