package snapshot

import (
	"regexp"
	"strings"
)

// extraElement is what keys.Key.Extra looks like: never as a digest, nor as Latest.
var extraElement = regexp.MustCompile(`^[a-z0-9_]{1,40}-[0-9a-f]{16}$`)

// Latest is the last element of the key of the newest snapshot, whatever its module files.
const Latest = "latest"

// A ManifestName is what the name of a manifest consists of, all of it escaped.
type ManifestName struct {
	Repo, Scope string
	Family      []string // of the key: name, os, arch and Go version
	Extra       string   // of the key: what --key-extra adds; "": nothing
	Digest      string   // of the module files, or "latest"
}

// ParseManifestObject takes a name that ManifestObject made apart.
func ParseManifestObject(object string) (ManifestName, bool) {
	e := strings.Split(object, "/")
	if len(e) < 10 || len(e) > 11 || e[0] != root || e[1] != "repos" || e[4] != "snapshots" {
		return ManifestName{}, false
	}
	m := ManifestName{Repo: e[2], Scope: e[3], Family: e[5:9], Digest: e[len(e)-1]}
	if len(e) == 11 {
		m.Extra = e[9]
	}
	return m, len(e) == 10 || extraElement.MatchString(m.Extra)
}

// IsImmutable reports whether an object is a pack or a module: one whose bytes or content its name
// vouches for, so that nobody ever replaces it by something else.
func IsImmutable(object string) bool { return isPackObject(object) || isModuleObject(object) }

// IsShared reports whether an object is a module that all repositories of a store share.
func IsShared(object string) bool {
	return isModuleObject(object) && strings.HasPrefix(object, root+"/modules/")
}
