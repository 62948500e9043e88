package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/ci/citest"
	"github.com/org/gocache-action/internal/gcnotes"
	"github.com/org/gocache-action/internal/snapshot"
)

// documentedPolicies returns the policies of docs/bucket-policy.md by the names in the comments
// before them. It checks that each block of JSON has a name and is valid.
func documentedPolicies(t *testing.T) map[string]string {
	t.Helper()
	text := readDoc(t, "bucket-policy.md")
	list := map[string]string{}
	for _, m := range regexp.MustCompile("(?s)<!-- policy: ([a-z0-9-]+) -->\n```json\n(.*?)```").FindAllStringSubmatch(text, -1) {
		list[m[1]] = m[2]
		if !json.Valid([]byte(m[2])) {
			t.Errorf("policy %s is no JSON", m[1])
		}
	}
	if n := strings.Count(text, "```json"); n != len(list) || n < 8 {
		t.Fatalf("%d policies with different names in %d blocks", len(list), n)
	}
	return list
}

func readDoc(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A policy has the parts of the policy language that are used. A string may stand for a list of
// one.
type policy struct {
	Statement []struct {
		Effect           string
		Action, Resource words
		Condition        map[string]map[string]words
	}
}

type words []string

func (w *words) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*w = words{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(w))
}

// request is a question to a policy. facts are the condition keys.
type request struct {
	action, resource string
	facts            map[string]string
}

// decide applies a policy. It returns "allow", "deny", or "" if no statement applies to the
// request.
func (p policy) decide(t *testing.T, r request) (verdict string) {
	t.Helper()
	for _, s := range p.Statement {
		if !slices.ContainsFunc(s.Action, like(r.action)) || !slices.ContainsFunc(s.Resource, like(r.resource)) || !holds(t, s.Condition, r.facts) {
			continue
		}
		if s.Effect == "Deny" {
			return "deny"
		}
		verdict = "allow"
	}
	return verdict
}

// holds implements the operators that the documentation uses.
func holds(t *testing.T, conditions map[string]map[string]words, facts map[string]string) bool {
	t.Helper()
	for operator, keys := range conditions {
		for key, values := range keys {
			fact, known := facts[key]
			var ok bool
			switch operator {
			case "StringEquals", "Bool":
				ok = slices.Contains(values, fact)
			case "StringLike":
				ok = slices.ContainsFunc(values, like(fact))
			case "ArnNotLike":
				ok = !slices.ContainsFunc(values, like(fact))
			case "Null":
				ok = slices.Contains(values, fmt.Sprint(!known))
			default:
				t.Fatalf("operator %s", operator)
			}
			if !ok {
				return false
			}
		}
	}
	return true
}

// like returns a function that reports whether a text matches a pattern. In a pattern, "*" stands
// for any text, including slashes, as in S3's policies.
func like(text string) func(string) bool {
	return func(pattern string) bool {
		re := compiled[pattern]
		if re == nil {
			p := strings.ReplaceAll(strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*"), `\?`, ".")
			re = regexp.MustCompile("(?s)^" + p + "$")
			compiled[pattern] = re
		}
		return re.MatchString(text)
	}
}

var compiled = map[string]*regexp.Regexp{}

// Scopes and repositories that could be mistaken for each other.
var (
	policyScopes = []string{
		citest.MainRef, "refs/heads/main/x", "refs/heads/mainly", "refs/heads/Main", "refs/heads/release/1", "refs/heads/release", "refs/heads/feature", "refs/heads/*", "refs/heads/?",
		"refs/pull/7/merge", "refs/pull/77/merge", "refs/pull", "refs/pulls/1", "refs/heads/refs/pull/7/merge", "refs/tags/v1", "refs/tags/main", "refs/merge-requests/7/head",
		"main", "local", "", "..", "refs/heads/../heads/main", "refs~heads~main", "refs/heads/" + strings.Repeat("long", 60), "refs/pull/" + strings.Repeat("9", 200) + "/merge",
	}
	policyRepos = []string{
		"github.com/acme/shop", "github.com/acme/shop2", "github.com/acme", "github.com/acme/shop/refs/heads/main", "github.com/Acme/shop", "github.com/acme/shop.git",
		"gitlab.com/acme/shop", "gitlab.com/acme/shop/sub", "acme/shop", "",
	}
)

const (
	onGH, onGL = "github.com/acme/shop", "gitlab.com/acme/shop"
	someSum    = "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
)

// objectsOf names one object of each kind that a job writes in a scope.
func objectsOf(t *testing.T, repo, scope string) []string {
	t.Helper()
	private, err := snapshot.ScopedModuleObject(repo, scope, module.Version{Path: "example.com/m", Version: "v1.0.0"}, someSum)
	if err != nil {
		t.Fatal(err)
	}
	return []string{private, snapshot.PackObject(repo, scope, [32]byte{}), snapshot.ManifestObject(repo, scope, []string{"ci/test", "linux", "amd64", "go1.26", "latest"})}
}

// TestDocumentedPolicies compares the policies of the documentation with the names that jobs use.
// Each policy allows writes to the intended scopes, and to no other scope or repository, however
// similar its name is.
func TestDocumentedPolicies(t *testing.T) {
	docs := documentedPolicies(t)
	isPR := func(repo, scope string) bool { return repo == onGH && strings.HasPrefix(scope, "refs/pull/") }
	isMain := func(repo, scope string) bool { return repo == onGH && scope == citest.MainRef }
	prefixed := func(s string, prefixes ...string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
	}
	public, err := snapshot.ModuleObject(module.Version{Path: "github.com/BurntSushi/toml", Version: "v1.5.0"}, someSum)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		facts  map[string]string
		writes func(repo, scope string) bool
		reads  func(repo string) bool
	}{
		{"github-main", nil, isMain, nil},
		{"github-pr", nil, isPR, func(repo string) bool { return repo == onGH }},
		{"github-branches", nil, func(repo, scope string) bool {
			return repo == onGH && prefixed(scope, "refs/heads/") && scope != citest.MainRef && !prefixed(scope, "refs/heads/release/")
		}, nil},
		{"gitlab-others", nil, func(repo, scope string) bool {
			return repo == onGL && prefixed(scope, "refs/heads/", "refs/merge-requests/") && scope != citest.MainRef
		}, nil},
		{"minio", map[string]string{"jwt:sub": "repo:acme/shop:ref:refs/heads/main"}, isMain, nil},
		{"minio", map[string]string{"jwt:sub": "repo:acme/shop:pull_request"}, isPR, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var p policy
			if err := json.Unmarshal([]byte(docs[c.name]), &p); err != nil || len(p.Statement) == 0 {
				t.Fatalf("%v in %s", err, docs[c.name])
			}
			ask := func(action, object string) bool {
				return p.decide(t, request{action, "arn:aws:s3:::acme-cache/" + object, c.facts}) == "allow"
			}
			for _, repo := range policyRepos {
				for _, scope := range policyScopes {
					for _, object := range objectsOf(t, repo, scope) {
						if got, want := ask("s3:PutObject", object), c.writes(repo, scope); got != want {
							t.Errorf("write %s: %t", object, got)
						}
						if got, want := ask("s3:GetObject", object), c.reads == nil || c.reads(repo); got != want {
							t.Errorf("read %s: %t", object, got)
						}
						if ask("s3:DeleteObject", object) {
							t.Errorf("may delete %s", object)
						}
					}
				}
			}
			if !ask("s3:PutObject", public) || !ask("s3:AbortMultipartUpload", public) || !ask("s3:GetObject", public) || !ask("s3:GetObject", gcnotes.Object) {
				t.Error("public modules or the notes of gc")
			}
			if p.decide(t, request{"s3:ListBucket", "arn:aws:s3:::acme-cache", c.facts}) != "allow" {
				t.Error("a miss would be a denial")
			}
		})
	}

	// A token of another repository has no access through the one role of MinIO.
	var p policy
	if err := json.Unmarshal([]byte(docs["minio"]), &p); err != nil {
		t.Fatal(err)
	}
	for _, sub := range []string{"repo:acme/shop2:pull_request", "repo:acme/shop:environment:x", "repo:mallory/shop:ref:refs/heads/main", ""} {
		for _, object := range objectsOf(t, onGH, citest.MainRef) {
			if p.decide(t, request{"s3:PutObject", "arn:aws:s3:::acme-cache/" + object, map[string]string{"jwt:sub": sub}}) == "allow" {
				t.Errorf("%s may write %s", sub, object)
			}
		}
	}
	testPrefixes(t, isMain, isPR, public)
}

// testPrefixes checks the conditions for Google, which compare the beginning of names.
func testPrefixes(t *testing.T, isMain, isPR func(repo, scope string) bool, public string) {
	t.Helper()
	text := readDoc(t, "bucket-policy.md")
	for name, writes := range map[string]func(repo, scope string) bool{"gcs-main": isMain, "gcs-pr": isPR} {
		m := regexp.MustCompile("(?s)<!-- prefixes: " + name + " -->\n```cel\n(.*?)```").FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("no prefixes of %s", name)
		}
		prefixes := regexp.MustCompile(`"projects/_/buckets/acme-cache/objects/([^"]+)"`).FindAllStringSubmatch(m[1], -1)
		allows := func(object string) bool {
			return slices.ContainsFunc(prefixes, func(p []string) bool { return strings.HasPrefix(object, p[1]) })
		}
		for _, repo := range policyRepos {
			for _, scope := range policyScopes {
				for _, object := range objectsOf(t, repo, scope) {
					if allows(object) != writes(repo, scope) {
						t.Errorf("%s: write %s: %t", name, object, allows(object))
					}
				}
			}
		}
		if allows(public) != (name == "gcs-main") {
			t.Errorf("%s: public modules: %t", name, allows(public))
		}
	}
}

// TestWriteOncePolicy: roles other than main's can create modules, also in parts, and cannot
// replace them.
func TestWriteOncePolicy(t *testing.T) {
	var p policy
	if err := json.Unmarshal([]byte(documentedPolicies(t)["write-once"]), &p); err != nil {
		t.Fatal(err)
	}
	pr, main := "arn:aws:iam::123456789012:role/shop-cache-pr", "arn:aws:iam::123456789012:role/shop-cache-main"
	for _, c := range []struct {
		what  string
		facts map[string]string
		deny  bool
	}{
		{"put if absent", map[string]string{"s3:if-none-match": "*", "s3:ObjectCreationOperation": "true", "aws:PrincipalArn": pr}, false},
		{"put", map[string]string{"s3:ObjectCreationOperation": "true", "aws:PrincipalArn": pr}, true},
		{"part of an upload", map[string]string{"s3:ObjectCreationOperation": "false", "aws:PrincipalArn": pr}, false},
		{"put by main", map[string]string{"s3:ObjectCreationOperation": "true", "aws:PrincipalArn": main}, false},
	} {
		public, err := snapshot.ModuleObject(module.Version{Path: "example.com/m", Version: "v1.0.0"}, someSum)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.decide(t, request{"s3:PutObject", "arn:aws:s3:::acme-cache/" + public, c.facts}); (got == "deny") != c.deny {
			t.Errorf("%s: %q", c.what, got)
		}
		for _, object := range objectsOf(t, onGH, citest.MainRef) {
			if got := p.decide(t, request{"s3:PutObject", "arn:aws:s3:::acme-cache/" + object, c.facts}); got != "" {
				t.Errorf("%s, %s: %q", c.what, object, got)
			}
		}
	}
}

// TestDocumentedNames: the prefixes in the table of the page are those below which jobs write.
func TestDocumentedNames(t *testing.T) {
	text := readDoc(t, "bucket-policy.md")
	for scope, repo := range map[string]string{
		citest.MainRef: onGH, "refs/heads/Feature/x_1": onGH, citest.OwnPR: onGH, "refs/tags/v1.2.0": onGH, "refs/merge-requests/7/head": onGL,
	} {
		if prefix := "`" + snapshot.ScopePrefix(repo, scope) + "/`"; !strings.Contains(text, prefix) {
			t.Errorf("%s is not there", prefix)
		}
	}
	if !strings.Contains(text, "`"+path.Base(snapshot.Escape("github.com/Acme/shop"))+"`") {
		t.Error("the example of an upper-case letter")
	}
}
