package goentry

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
)

// A TestLog is what a test program looked at while it ran. The go command keeps it in the build
// cache, under the ID of the test, and computes from it what the result depends on
// (cmd/go/internal/test.computeTestInputsID).
type TestLog struct {
	Variables []string // of the environment, in the order in which they were read
	Lookups   []Lookup // in their order, too
}

// A Lookup is a file or directory that a test looked at.
type Lookup struct {
	// Op is "open": the size, mode and time of the file count, and of a directory those of all that
	// lies in it; "stat": those of the name alone; or "chdir": those of the directory, which counts
	// outside of the module, too, unlike the others.
	Op   string
	File string // relative to the directory that was given, if that is relative
}

// logMagic is the first line of a test log.
const logMagic = "# test log\n"

// ParseTestLog reads the test log of a package in dir.
func ParseTestLog(data []byte, dir string) (l TestLog, err error) {
	rest, ok := bytes.CutPrefix(data, []byte(logMagic))
	if !ok {
		return l, fmt.Errorf("test log: it does not begin with %q", strings.TrimSpace(logMagic))
	}
	for line := range strings.SplitSeq(string(rest), "\n") {
		if line == "" {
			continue
		}
		op, name, found := strings.Cut(line, " ")
		switch {
		case found && op == "getenv":
			l.Variables = append(l.Variables, name)
			continue
		case found && op == "chdir" && filepath.IsAbs(name):
			dir = name
		case found && (op == "open" || op == "stat"):
			if !filepath.IsAbs(name) {
				name = filepath.Join(dir, name)
			}
		default:
			return TestLog{}, fmt.Errorf("test log: bad line %.80q", line)
		}
		l.Lookups = append(l.Lookups, Lookup{op, filepath.Clean(name)})
	}
	return l, nil
}
