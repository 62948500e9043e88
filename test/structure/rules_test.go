package structure

import (
	"fmt"
	"go/ast"
	"maps"
	"slices"
	"strings"
)

// rule returns the violations in the sources, one per line.
type rule func([]source) []string

// maxMethods is how many methods a type may have. With more of them, nobody can keep in mind what
// the others do to its fields.
const maxMethods = 25

// rules lists the rules by name. docs/architecture.md explains the reason for each.
var rules = map[string]rule{
	"methods":     fewMethods,
	"commands":    imports(except{"internal/cli", "internal/ghaction"}.within("internal"), module+"/save", module+"/restore", module+"/gc", module+"/trim", module+"/internal/cli"),
	"aws":         imports(except{"internal/store/s3"}.anywhere(), "github.com/aws/aws-sdk-go-v2", "github.com/aws/smithy-go"),
	"azure":       imports(except{"internal/store/azblob"}.anywhere(), "github.com/Azure", "github.com/AzureAD"),
	"google":      imports(except{"internal/store/gcs"}.anywhere(), "golang.org/x/oauth2", "cloud.google.com/go"),
	"vendors":     imports(scope(func(source) bool { return true }), "github.com/Azure/azure-sdk-for-go/sdk/storage", "cloud.google.com/go/storage", "gocloud.dev", "google.golang.org/grpc"),
	"actions":     imports(except{"internal/ghaction"}.anywhere(), "github.com/sethvargo/go-githubactions"),
	"environment": environment,
	"format":      imports(only("internal/snapshot"), "net", "sync", "os/exec", "os/signal"),
	"network":     noNetwork,
	"goroutines":  noGoroutines,
}

// fewMethods counts the methods that a package declares for each type. A method declared for
// several operating systems counts once.
func fewMethods(list []source) (found []string) {
	methods := map[string]map[string]bool{}
	for _, s := range list {
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil {
				continue
			}
			name := s.dir + "." + receiver(f.Recv.List[0].Type)
			if methods[name] == nil {
				methods[name] = map[string]bool{}
			}
			methods[name][f.Name.Name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(methods)) {
		if n := len(methods[name]); n > maxMethods {
			found = append(found, fmt.Sprintf("%s has %d methods, more than %d", name, n, maxMethods))
		}
	}
	return found
}

// receiver returns the name of a receiver's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.ParenExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return "?"
}

// scope reports whether a rule applies to a source.
type scope func(source) bool

// except lists packages to which a rule does not apply, nor to those below them.
type except []string

func (e except) anywhere() scope { return func(s source) bool { return !below(s.dir, e...) } }

func (e except) within(root string) scope {
	return func(s source) bool { return below(s.dir, root) && !below(s.dir, e...) }
}

// only is the scope of one package, without its tests.
func only(pkg string) scope { return func(s source) bool { return s.dir == pkg && !s.test } }

// imports returns the rule that sources in a scope do not import any of the paths, nor packages
// below them.
func imports(in scope, paths ...string) rule {
	return func(list []source) (found []string) {
		for _, s := range list {
			if !in(s) {
				continue
			}
			for i, p := range s.imports() {
				if below(p, paths...) {
					found = append(found, fmt.Sprintf("%s imports %s", s.at(s.file.Imports[i].Pos()), p))
				}
			}
		}
		return found
	}
}

// readers are the packages that may read the environment: the commands, the package that identifies
// CI systems, the store that has to read what the AWS SDK reads, and packages for tests and
// benchmarks only.
var readers = []string{
	"internal/cli", "internal/ci", "internal/store/s3",
	"internal/store/storetest", "internal/osfile/osfiletest", "internal/stdtest", "test", "bench",
}

// environment is the rule that all other packages get their settings as values.
func environment(list []source) (found []string) {
	reads := []string{"Getenv", "LookupEnv", "Environ", "ExpandEnv"}
	for _, s := range list {
		if s.test || below(s.dir, readers...) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok || !slices.Contains(reads, sel.Sel.Name) {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && slices.Contains([]string{"os", "syscall"}, s.imported(x.Name)) {
				found = append(found, fmt.Sprintf("%s reads the environment: %s.%s", s.at(n.Pos()), x.Name, sel.Sel.Name))
			}
			return true
		})
	}
	return found
}

// imported returns the path of the import with this name in a source, or "".
func (s source) imported(name string) string {
	for i, p := range s.imports() {
		if as := s.file.Imports[i].Name; as != nil && as.Name == name {
			return p
		} else if as == nil && p[strings.LastIndex(p, "/")+1:] == name {
			return p
		}
	}
	return ""
}

// noNetwork is the rule that neither the package of the stored format nor any package of the module
// that it imports uses net.
func noNetwork(list []source) (found []string) {
	seen := map[string]bool{}
	var visit func(pkg string)
	visit = func(pkg string) {
		if seen[pkg] {
			return
		}
		seen[pkg] = true
		for _, s := range list {
			if s.dir != pkg || s.test {
				continue
			}
			for i, p := range s.imports() {
				if below(p, "net") {
					found = append(found, fmt.Sprintf("%s imports %s", s.at(s.file.Imports[i].Pos()), p))
				} else if dir, ok := strings.CutPrefix(p, module+"/"); ok {
					visit(dir)
				}
			}
		}
	}
	visit("internal/snapshot")
	return found
}

// noGoroutines is the rule that the package of the stored format starts no goroutines.
func noGoroutines(list []source) (found []string) {
	for _, s := range list {
		if s.dir != "internal/snapshot" || s.test {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if g, ok := n.(*ast.GoStmt); ok {
				found = append(found, s.at(g.Pos())+" starts a goroutine")
			}
			return true
		})
	}
	return found
}
