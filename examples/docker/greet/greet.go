// Package greet has a package of its own, so that a change of main compiles less than everything.
package greet

// All greets everybody.
func All(names ...string) (list []string) {
	for _, name := range names {
		list = append(list, "hello, "+name)
	}
	return list
}
