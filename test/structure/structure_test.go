package structure

import (
	"fmt"
	"strings"
	"testing"
)

// TestStructure: the module keeps the rules.
func TestStructure(t *testing.T) {
	list := readModule(t)
	if len(list) < 400 {
		t.Errorf("only %d files found", len(list))
	}
	for name, r := range rules {
		t.Run(name, func(t *testing.T) {
			for _, line := range r(list) {
				t.Error(line)
			}
		})
	}
}

// example is a small module, as files by name, with the number of violations of a rule in it.
type example struct {
	name  string
	rule  string
	files map[string]string
	found int
}

var examples = []example{
	{"as many methods as may be", "methods", map[string]string{"a/a.go": methods("T", 0, maxMethods)}, 0},
	{"one too many", "methods", map[string]string{"a/a.go": methods("T", 0, maxMethods+1)}, 1},
	{"in two files", "methods", map[string]string{"a/a.go": methods("*T", 0, 20), "a/b.go": methods("T", 20, 6)}, 1},
	{"in a test", "methods", map[string]string{"a/a_test.go": methods("(*T)", 0, 30)}, 1},
	{"of two generic types", "methods", map[string]string{"a/a.go": methods("*T[K]", 0, 26), "a/b.go": methods("U[K, V]", 0, 26)}, 2},
	{"for two systems", "methods", map[string]string{"a/a_linux.go": methods("T", 0, 20), "a/a_windows.go": methods("T", 0, 20)}, 0},
	{"of two packages", "methods", map[string]string{"a/a.go": methods("T", 0, 20), "b/b.go": methods("T", 20, 20)}, 0},

	{"a kind imports save", "commands", importing("internal/content/x/x.go", module+"/save"), 1},
	{"also in a test", "commands", importing("internal/store/x_test.go", module+"/restore"), 1},
	{"and what is below", "commands", importing("internal/a/a.go", module+"/internal/cli/x"), 1},
	{"gc and trim", "commands", importing("internal/a/a.go", module+"/gc", module+"/trim"), 2},
	{"the commands may", "commands", importing("internal/cli/a.go", module+"/save", module+"/gc"), 0},
	{"so may the action", "commands", importing("internal/ghaction/a.go", module+"/internal/cli"), 0},
	{"tests of the whole may", "commands", importing("test/e2e/a_test.go", module+"/save"), 0},
	{"names that only begin so", "commands", importing("internal/a/a.go", module+"/savers", module+"/gcnotes"), 0},

	{"the SDK elsewhere", "aws", importing("internal/store/storeurl/a.go", "github.com/aws/aws-sdk-go-v2/service/s3"), 1},
	{"what it is made of", "aws", importing("test/e2e/a_test.go", "github.com/aws/smithy-go"), 1},
	{"the SDK where it belongs", "aws", importing("internal/store/s3/s3test/a.go", "github.com/aws/aws-sdk-go-v2/config"), 0},

	{"identities of Azure elsewhere", "azure", importing("internal/cli/a.go", "github.com/Azure/azure-sdk-for-go/sdk/azidentity"), 1},
	{"where they belong", "azure", importing("internal/store/azblob/a.go", "github.com/Azure/azure-sdk-for-go/sdk/azidentity"), 0},
	{"tokens of Google elsewhere", "google", importing("internal/store/storeurl/a.go", "golang.org/x/oauth2/google"), 1},
	{"where they belong", "google", importing("internal/store/gcs/a_test.go", "golang.org/x/oauth2"), 0},
	{"libraries that are too large, anywhere", "vendors", importing("internal/store/gcs/a.go", "cloud.google.com/go/storage", "gocloud.dev/blob"), 2},

	{"actions elsewhere", "actions", importing("internal/cli/a.go", "github.com/sethvargo/go-githubactions"), 1},
	{"actions where they belong", "actions", importing("internal/ghaction/a.go", "github.com/sethvargo/go-githubactions"), 0},

	{"the environment, in each way", "environment", map[string]string{"save/a.go": `package a
import ("os"; "syscall")
var a, b, c = os.Getenv("A"), os.Environ(), os.ExpandEnv("$A")
var d, e = syscall.Getenv("A")
func f() { os.LookupEnv("A") }`}, 5},
	{"by another name", "environment", map[string]string{"save/a.go": `package a
import system "os"
var read = system.Getenv`}, 1},
	{"of something else", "environment", map[string]string{"save/a.go": `package a
import "example.com/os2"
var a = os2.Getenv("A")
var b = x.Getenv("A")`}, 0},
	{"the commands read it", "environment", map[string]string{"internal/cli/a.go": `package a
import "os"
var a = os.Getenv("A")`}, 0},
	{"a test reads it", "environment", map[string]string{"save/a_test.go": `package a
import "os"
var a = os.Getenv("A")`}, 0},

	{"the format and the network", "format", importing("internal/snapshot/a.go", "net/http", "net"), 2},
	{"the format and locks", "format", importing("internal/snapshot/a.go", "sync/atomic", "sync"), 2},
	{"its tests may", "format", importing("internal/snapshot/a_test.go", "sync"), 0},
	{"what it needs and the network", "network", map[string]string{
		"internal/snapshot/a.go": withImports("internal/snapshot", module+"/internal/b"),
		"internal/b/b.go":        withImports("b", module+"/internal/c", module+"/internal/snapshot"),
		"internal/c/c.go":        withImports("c", "net/url"),
		"internal/d/d.go":        withImports("d", "net"),
	}, 1},
	{"a goroutine of the format", "goroutines", map[string]string{"internal/snapshot/a.go": "package a\nfunc f() { go f() }"}, 1},
	{"of a test of it", "goroutines", map[string]string{"internal/snapshot/a_test.go": "package a\nfunc f() { go f() }"}, 0},
}

// TestRules: each rule finds its violations, and nothing else.
func TestRules(t *testing.T) {
	proven := map[string]bool{}
	for _, e := range examples {
		t.Run(e.rule+"/"+e.name, func(t *testing.T) {
			var list []source
			for name, text := range e.files {
				s, err := parse(name, []byte(text))
				if err != nil {
					t.Fatal(err)
				}
				list = append(list, s)
			}
			found := rules[e.rule](list)
			if len(found) != e.found {
				t.Errorf("found %q, want %d", found, e.found)
			}
			proven[e.rule] = proven[e.rule] || len(found) > 0
		})
	}
	for name := range rules {
		if !proven[name] {
			t.Errorf("no example violates the rule %q", name)
		}
	}
}

// methods declares n methods of a type, numbered from first on.
func methods(receiver string, first, n int) string {
	var b strings.Builder
	b.WriteString("package a\n")
	for i := range n {
		fmt.Fprintf(&b, "func (t %s) m%d() {}\n", receiver, first+i)
	}
	return b.String()
}

// importing returns a single file with these imports.
func importing(name string, paths ...string) map[string]string {
	return map[string]string{name: withImports("a", paths...)}
}

func withImports(pkg string, paths ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "package %s\n", pkg[strings.LastIndex(pkg, "/")+1:])
	for _, p := range paths {
		fmt.Fprintf(&b, "import %q\n", p)
	}
	return b.String()
}
