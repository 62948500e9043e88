// Package goentry recomputes names under which the go command keeps entries of its build cache, so
// that those whose truth rests on file times can be told from the rest. The facts come from
// cmd/go/internal/modindex and cmd/go/internal/test of go1.26.
package goentry

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/org/gocache-action/internal/digest"
)

const indexVersion = "go index v2"

// logMagic is how a test log begins: the list of what a test asked the system for.
const logMagic = "# test log\n"

// hash is cache.NewHash of a go command of some version, and its Sum.
func hash(version string, text []byte) digest.ID {
	salt, _, _ := strings.Cut(version, " X:")
	salt, _, _ = strings.Cut(salt, "-X:")
	return digest.Of(append([]byte(salt), text...))
}

func subkey(parent digest.ID, what string) digest.ID {
	return digest.Of([]byte("subkey:" + string(parent[:]) + what))
}

// ModuleIndex names the index of the module tree in root, a directory of GOMODCACHE: no time is in
// it.
func ModuleIndex(version, root string) digest.ID {
	return hash(version, fmt.Appendf(nil, "module index %s %s %v\n", version, indexVersion, root))
}

// ResultWithoutFiles names the result of the test with this log (action and content), if it rests
// on no file at all: all that was opened lies outside of the module, for which the go command does
// not look. ok is false where the log says otherwise.
func ResultWithoutFiles(version string, log digest.ID, content []byte, getenv func(string) (string, bool)) (result digest.ID, ok bool) {
	rest, ok := bytes.CutPrefix(content, []byte(logMagic))
	if !ok {
		return digest.ID{}, false
	}
	text := fmt.Appendf(nil, "env GODEBUG %s\n", hashEnv(version, "GODEBUG", getenv))
	for line := range strings.SplitSeq(string(rest), "\n") {
		op, name, _ := strings.Cut(line, " ")
		switch op {
		case "", "open", "stat":
		case "getenv":
			text = fmt.Appendf(text, "env %s %s\n", name, hashEnv(version, name, getenv))
		default: // chdir always counts
			return digest.ID{}, false
		}
	}
	return subkey(log, fmt.Sprintf("inputs:%s", hash(version, text))), true
}

func hashEnv(version, name string, getenv func(string) (string, bool)) digest.ID {
	v, ok := getenv(name)
	if !ok {
		return hash(version, []byte{0})
	}
	return hash(version, append([]byte{1}, v...))
}

// CoverProfile names the coverage profile of a test result.
func CoverProfile(result digest.ID) digest.ID { return subkey(result, "coverprofile") }
