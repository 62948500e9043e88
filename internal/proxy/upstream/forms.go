package upstream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// Limits of answers: those of the go command and of the stored format.
const (
	MaxInfo = 1 << 20
	MaxMod  = 16 << 20
	MaxList = 16 << 20
	MaxZip  = 500 << 20
)

// RevInfo is what every .info must have.
type RevInfo struct {
	Version string
	Time    time.Time
}

// ParseInfo checks an .info: JSON with a canonical version that is of this module, and if the query
// is a canonical version itself, exactly that. What else is in it, such as Origin, is passed on as
// it came.
func ParseInfo(path, query string, data []byte) (RevInfo, error) {
	var info RevInfo
	if err := json.Unmarshal(data, &info); err != nil {
		return info, fmt.Errorf("not an .info: %w", err)
	}
	if module.CanonicalVersion(info.Version) != info.Version || info.Version == "" {
		return info, fmt.Errorf("its .info has the version %.100q", info.Version)
	}
	if IsVersion(path, query) && info.Version != query {
		return info, fmt.Errorf("its .info is of version %.100q", info.Version)
	}
	return info, nil
}

// IsVersion reports whether a query names one version of a module and means nothing else: v1.2.3,
// not v1 or a branch, nor v2.0.0 where that means v2.0.0+incompatible.
func IsVersion(path, query string) bool {
	return module.CanonicalVersion(query) == query && module.Check(path, query) == nil
}

// CheckMod checks that data is a go.mod: a page that says "log in" is none. Which one it is only a
// hash can tell.
func CheckMod(data []byte) error {
	if modfile.ModulePath(data) == "" {
		return errors.New("not a go.mod file")
	}
	return nil
}

// CleanList returns the versions in a list, one a line, as the go command would read them: what is
// behind a space and lines that are no versions are dropped. A list of other things is an error.
func CleanList(data []byte) ([]byte, error) {
	var out bytes.Buffer
	lines := 0
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		lines++
		if semver.IsValid(f[0]) {
			out.WriteString(f[0])
			out.WriteByte('\n')
		}
	}
	if lines > 0 && out.Len() == 0 {
		return nil, errors.New("not a list of versions")
	}
	return out.Bytes(), nil
}
