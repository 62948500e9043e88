package whymodule

import (
	"cmp"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// demandsOf reads what `go mod graph` prints, and returns who demands a module: each with the
// shortest chain that leads there from a main module, the highest version first.
func demandsOf(graph []byte, path string) []Demand {
	requires := map[string][]string{}
	var mains []string
	for line := range strings.Lines(string(graph)) {
		from, to, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			continue
		}
		if !strings.Contains(from, "@") && requires[from] == nil {
			mains = append(mains, from)
		}
		requires[from] = append(requires[from], to)
	}
	came := map[string]string{} // by which one a module was come to first
	for _, m := range mains {
		came[m] = ""
	}
	var list []Demand
	for queue := mains; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for _, to := range requires[at] {
			if version, ok := strings.CutPrefix(to, path+"@"); ok && !strings.HasPrefix(at, path+"@") {
				list = append(list, Demand{version, chain(came, at)})
			}
			if _, ok := came[to]; !ok {
				came[to] = at
				queue = append(queue, to)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b Demand) int {
		return cmp.Or(semver.Compare(b.Version, a.Version), cmp.Compare(len(a.Chain), len(b.Chain)), strings.Compare(a.By(), b.By()))
	})
	return list
}

// chain goes back to a main module.
func chain(came map[string]string, at string) []string {
	var list []string
	for ; at != ""; at = came[at] {
		list = append(list, at)
	}
	slices.Reverse(list)
	return list
}
