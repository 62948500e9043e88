package structure

import (
	"fmt"
	"go/ast"
	"maps"
	"slices"
	"strings"
)

// rule returns what in the sources is against it, a line each.
type rule func([]source) []string

// maxMethods a type may have: with more of them nobody can say what the others do to its fields.
const maxMethods = 25

// rules by name. docs/architecture.md says why each of them is.
var rules = map[string]rule{
	"methods":     fewMethods,
	"commands":    imports(except{"internal/cli", "internal/ghaction"}.within("internal"), module+"/save", module+"/restore", module+"/gc", module+"/trim", module+"/internal/cli"),
	"aws":         imports(except{"internal/store/s3"}.anywhere(), "github.com/aws/aws-sdk-go-v2", "github.com/aws/smithy-go"),
	"actions":     imports(except{"internal/ghaction"}.anywhere(), "github.com/sethvargo/go-githubactions"),
	"environment": environment,
	"format":      imports(only("internal/snapshot"), "net", "sync", "os/exec", "os/signal"),
	"network":     noNetwork,
	"goroutines":  noGoroutines,
}

// fewMethods counts the methods that the files of a package declare for each type. One that is
// there for several systems counts once.
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

// receiver is the name of the type of a receiver.
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

// scope says which sources a rule is for.
type scope func(source) bool

// except are the packages, with those below them, for which a rule is not.
type except []string

func (e except) anywhere() scope { return func(s source) bool { return !below(s.dir, e...) } }

func (e except) within(root string) scope {
	return func(s source) bool { return below(s.dir, root) && !below(s.dir, e...) }
}

// only is one package, without its tests.
func only(pkg string) scope { return func(s source) bool { return s.dir == pkg && !s.test } }

// imports is the rule that sources in a scope import none of the paths, nor what is below them.
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

// readers are the packages that may read the environment: the commands, what tells CI systems
// apart, the store that has to read what the AWS SDK reads, and what only tests and benchmarks
// import.
var readers = []string{
	"internal/cli", "internal/ci", "internal/store/s3",
	"internal/store/storetest", "internal/osfile/osfiletest", "internal/stdtest", "test", "bench",
}

// environment is the rule that other packages get as values what they need of it.
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

// imported is the path of the import that has a name in a source, or "".
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

// noNetwork is the rule that neither the stored format nor any package of the module that it needs
// imports net.
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

// noGoroutines is the rule that the stored format starts no goroutines.
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
