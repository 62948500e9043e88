package checksumdb

import (
	"strings"

	"golang.org/x/mod/module"
)

// LookupFile is the path, below a database, of its answer about a version.
func LookupFile(v module.Version) (string, error) {
	path, err := module.EscapePath(v.Path)
	if err != nil {
		return "", err
	}
	version, err := module.EscapeVersion(v.Version)
	return "lookup/" + path + "@" + version, err
}

// H1 returns the h1 hash that the lines of an answer have of a version, or of its go.mod if the
// version ends in "/go.mod"; "" if they have none.
func H1(lines []string, v module.Version) string {
	prefix := v.Path + " " + v.Version + " "
	for _, line := range lines {
		if hash, ok := strings.CutPrefix(line, prefix); ok && strings.HasPrefix(hash, "h1:") {
			return hash
		}
	}
	return ""
}
