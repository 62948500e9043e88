// Package whymodule finds out why a project gets the version of a module that it gets, and why a
// version that somebody has published is not seen.
//
// Gather collects facts: of the project, the module cache, each proxy, the repository and the
// checksum database, all at once and each within a time of its own. Judge is a pure function that
// makes findings of the facts, and the one command that helps most.
//
// Nothing of the user's is written: go commands work on copies of go.mod and go.work, and download
// into a cache that is removed afterwards. No proxy is asked about a module that the go command
// would not ask, unless everybody may know the module.
package whymodule

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/org/gocache-action/internal/checksumdb"
	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/usage"
)

// A Target is what somebody asks about.
type Target struct {
	Path  string `json:"module"`
	Query string `json:"query"` // as in go get; "latest" if none was given
}

func (t Target) String() string { return t.Path + "@" + t.Query }

// ParseTarget reads MODULE or MODULE@QUERY. The error is one of usage.
func ParseTarget(arg string) (Target, error) {
	path, query, given := strings.Cut(arg, "@")
	if err := module.CheckPath(path); err != nil {
		return Target{}, usage.Errorf("%q: want the path of a module, such as golang.org/x/mod or golang.org/x/mod@v0.20.0: %w", arg, err)
	}
	bad := func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) || c == '@' }
	if given && (query == "" || query == "none" || query[0] == '-' || strings.ContainsFunc(query, bad)) {
		return Target{}, usage.Errorf("%q: want a version, a branch or a commit behind the @, as for go get", arg)
	}
	if query == "" {
		query = "latest"
	}
	if bound := strings.TrimLeft(query, "<>="); bound != query && (!slices.Contains(comparisons, query[:len(query)-len(bound)]) || !semver.IsValid(bound)) {
		return Target{}, usage.Errorf("%q: want a version behind %s, as in %s@>=v1.2.0", arg, query[:len(query)-len(bound)], path)
	}
	return Target{path, query}, nil
}

// Options say what is asked, and how.
type Options struct {
	Dir           string // of the project
	Settings      Settings
	ModDir        string // GOMODCACHE
	GOMOD, GOWORK string // as "go env" tells them
	GODEBUG       string
	NoVCS         bool           // do not ask the repository
	DB            *checksumdb.DB // may be nil: it is not asked
	Now           time.Time
	ProxyTime     time.Duration // for what one proxy, or the checksum database, is asked; 0: 20 s
	CommandTime   time.Duration // for what the project, or the repository, is asked; 0: 1 min
	Login         func(host string) *url.Userinfo

	// Run runs a go command, that in PATH or one of a toolchain, in dir with more environment
	// variables, and returns what it prints.
	Run func(ctx context.Context, command, dir string, env []string, args ...string) ([]byte, error)
}

// An Answer is what people get.
type Answer struct {
	Target
	Status   finding.Status   `json:"status"` // the worst of the findings
	Facts    *Facts           `json:"facts"`
	Findings finding.Findings `json:"findings"`
	Remedy   finding.Remedy   `json:"remedy"` // what helps most; its advice is why
}

// Explain gathers and judges. The error is one of this machine, or that ctx has ended.
func Explain(ctx context.Context, t Target, o Options) (*Answer, error) {
	facts, err := Gather(ctx, t, o)
	if err != nil {
		return nil, err
	}
	findings, remedy := Judge(facts)
	return &Answer{Target: t, Status: findings.Worst(), Facts: facts, Findings: findings, Remedy: remedy}, nil
}

// comparisons are those of queries, each before the ones that it begins with.
var comparisons = []string{"<=", "<", ">=", ">"}
