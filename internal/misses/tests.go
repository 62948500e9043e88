package misses

import "strings"

// A TestState says what became of the cached result of a package's tests.
type TestState int

const (
	TestCached  TestState = iota // it is used
	TestUnknown                  // no result of this test program is there
	TestChanged                  // there is one, for other files or variables
)

// Tests is what a go command says of the tests that it would run.
type Tests struct {
	States map[string]TestState // by import path
	// Logs are the IDs, in hexadecimal, under which the build cache has the test logs of packages
	// that are not in the state TestCached, if it has any.
	Logs map[string]string
	// Disabled says why results do not come from the cache whatever is there; "" if they may.
	Disabled string
}

// What `go test` prints with GODEBUG=gocachetest=1 (cmd/go/internal/test.tryCacheWithID).
const testcache = "testcache: "

// ParseTests reads what `go test` prints where nothing may be linked: the packages whose tests have
// a result, and those that would have to be linked and run. reasons is what it prints to stderr
// with GODEBUG=gocachetest=1. That run cannot be the first one, for GODEBUG is an input of all
// tests. Packages without tests are not in the result.
func ParseTests(stdout, reasons string) Tests {
	tests := Tests{States: map[string]TestState{}, Logs: map[string]string{}}
	for line := range strings.Lines(stdout) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if len(fields) < 2 {
			continue
		}
		switch what := strings.TrimSpace(fields[0]); {
		case what == "ok" && len(fields) > 2 && strings.HasPrefix(fields[2], "(cached)"):
			tests.States[fields[1]] = TestCached
		case what == "FAIL":
			pkg, _, _ := strings.Cut(fields[1], " ")
			tests.States[pkg] = TestUnknown
		}
	}
	for line := range strings.Lines(reasons) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), testcache); ok {
			tests.addReason(text)
		}
	}
	return tests
}

// addReason adds what a line of the reasons says.
func (t *Tests) addReason(text string) {
	if strings.HasPrefix(text, "caching disabled") {
		t.Disabled = text
		return
	}
	pkg, what, _ := strings.Cut(text, ": ")
	if state, ok := t.States[pkg]; !ok || state == TestCached {
		return
	}
	// The list of its inputs was found, so it ran once. A file that is younger than two seconds
	// ends the search before there is an input ID.
	if id, ok := strings.CutPrefix(what, "test ID "); ok {
		before, after, _ := strings.Cut(id, " => ")
		if strings.HasPrefix(after, "input ID ") {
			t.States[pkg] = TestChanged
			after = before
		}
		t.Logs[pkg] = after
	} else if strings.HasPrefix(what, "input file ") {
		t.States[pkg] = TestChanged
	}
}
