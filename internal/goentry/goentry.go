// Package goentry recomputes action IDs of the go command's build cache, and tells what an output
// is. So entries that are valid only as long as file times can be trusted can be told from the
// others. The facts come from cmd/go/internal/modindex and cmd/go/internal/test of go1.26.
package goentry

import (
	"fmt"
	"strings"

	"github.com/org/gocache-action/internal/digest"
)

const indexVersion = "go index v2"

// hash computes what cache.NewHash and Sum of a go command of this version do.
func hash(version string, text []byte) digest.ID {
	salt, _, _ := strings.Cut(version, " X:")
	salt, _, _ = strings.Cut(salt, "-X:")
	return digest.Of(append([]byte(salt), text...))
}

func subkey(parent digest.ID, what string) digest.ID {
	return digest.Of([]byte("subkey:" + string(parent[:]) + what))
}

// ModuleIndex is the action ID of the index of the module tree in root, a directory of GOMODCACHE.
// The ID does not depend on file times.
func ModuleIndex(version, root string) digest.ID {
	return hash(version, fmt.Appendf(nil, "module index %s %s %v\n", version, indexVersion, root))
}

// ResultWithoutFiles is the action ID that the result of the test with this log (action and
// content) has if it depends on no file. That is the case if all files that the test opened lie
// outside of the module, where the go command ignores them. ok is false if the log is invalid or
// shows that the result depends on files.
func ResultWithoutFiles(version string, log digest.ID, content []byte, getenv func(string) (string, bool)) (result digest.ID, ok bool) {
	used, err := ParseTestLog(content, "")
	if err != nil {
		return digest.ID{}, false
	}
	for _, l := range used.Lookups {
		if l.Op == "chdir" {
			return digest.ID{}, false
		}
	}
	text := fmt.Appendf(nil, "env GODEBUG %s\n", hashEnv(version, "GODEBUG", getenv))
	for _, name := range used.Variables {
		text = fmt.Appendf(text, "env %s %s\n", name, hashEnv(version, name, getenv))
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

// CoverProfile is the action ID of the coverage profile of a test result.
func CoverProfile(result digest.ID) digest.ID { return subkey(result, "coverprofile") }
