package snapshot

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Build describes jobs whose build entries are in the snapshot: what beside sources is part of
// action IDs, each as a hash.
type Build struct {
	With    map[string]string `json:"with"`    // by name, 16 hex digits
	LastUse int64             `json:"lastUse"` // Unix seconds
}

// Limits of builds: of their number in one manifest, and of what one of them names.
const (
	MaxBuilds      = 16
	maxIngredients = 64
	maxIngredient  = 32 // bytes of a name
)

// AddBuild notes what a job was built with. Of the same the last use counts, and of others the last
// MaxBuilds are kept.
func (m *Manifest) AddBuild(b Build) {
	for i, old := range m.Builds {
		if maps.Equal(old.With, b.With) {
			m.Builds[i].LastUse = max(old.LastUse, b.LastUse)
			m.sortBuilds()
			return
		}
	}
	m.Builds = append(m.Builds, b)
	m.sortBuilds()
	m.Builds = m.Builds[:min(len(m.Builds), MaxBuilds)]
}

// sortBuilds puts what was used last first, in one order also of those that were used at once.
func (m *Manifest) sortBuilds() {
	slices.SortFunc(m.Builds, func(a, b Build) int {
		return cmp.Or(cmp.Compare(b.LastUse, a.LastUse), cmp.Compare(a.String(), b.String()))
	})
}

// String lists the hashes in the order of their names.
func (b Build) String() string {
	var s strings.Builder
	for _, name := range slices.Sorted(maps.Keys(b.With)) {
		fmt.Fprintf(&s, "%s=%s ", name, b.With[name])
	}
	return s.String()
}

// BuiltWith lists the hashes of all builds.
func (m *Manifest) BuiltWith() (list []map[string]string) {
	for _, b := range m.Builds {
		list = append(list, b.With)
	}
	return list
}

// checkBuilds refuses names that cannot be printed, and what is no hash.
func (m *Manifest) checkBuilds() error {
	if len(m.Builds) > MaxBuilds {
		return fmt.Errorf("%w: %d builds", ErrCorrupt, len(m.Builds))
	}
	for i, b := range m.Builds {
		if len(b.With) > maxIngredients {
			return fmt.Errorf("%w: build %d with %d ingredients", ErrCorrupt, i, len(b.With))
		}
		for name, value := range b.With {
			if _, err := hex.DecodeString(value); err != nil || len(value) != 16 || !isIngredient(name) {
				return fmt.Errorf("%w: build %d with %.100q", ErrCorrupt, i, name)
			}
		}
	}
	return nil
}

// isIngredient reports whether a name is one of ASCII letters, digits, underscores and spaces.
func isIngredient(name string) bool {
	return name != "" && len(name) <= maxIngredient && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_ ") == ""
}
