package actions

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/org/gocache-action/internal/snapshot"
)

// Keys of entries. Each kind begins in its own way, and none is the beginning of another:
//
//	gocache2-FAMILY-READABLE-SCOPE-EXTRA-DIGEST-N   a snapshot entry
//	gocache2o-NAME-N                                another object that is replaced
//	gocache2m-SCOPE-...                             a bundle with modules of all jobs of the repository
//	gocache2b-SCOPE-...                             any other bundle
//
// The SCOPE of a bundle is that of the ref that its writer writes to, by the word of the token, for
// lookups do not say in which scope an entry lies. FAMILY, SCOPE, DIGEST and NAME are hashes of a
// fixed length, so that a key up to any of them is a prefix that matches what it should and nothing
// else. So does EXTRA, the element of the key that --key-extra makes, which is empty without: it is
// the last part with a "-" in it, and 16 digits follow that. READABLE is for people who look at the
// list of the caches of their repository. N counts the versions of an object, from 1.
const (
	// KeyPrefix is what the keys of all entries of this program begin with.
	KeyPrefix = "gocache2"

	snapshotKeys = KeyPrefix + "-"
	objectKeys   = KeyPrefix + "o-"
	moduleKeys   = KeyPrefix + "m-"
	bundleKeys   = KeyPrefix + "b-"
)

// version is what the service calls one: an entry is found only by those who know that of its
// writer. It must have 64 hexadecimal digits.
var version = fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "gocache format %d", snapshot.Format)))

// entryPrefix is what the key of the entry with an object begins with: up to its number, or for the
// latest manifest up to its digest.
func entryPrefix(object string) string {
	m, ok := snapshot.ParseManifestObject(object)
	if !ok {
		return objectKeys + hash(32, object) + "-"
	}
	prefix := familyPrefix(m) + m.Extra + "-"
	if m.Digest == snapshot.Latest {
		return prefix
	}
	return prefix + hash(32, m.Digest) + "-"
}

// jobPrefix is what the keys of the entries of all snapshots of one name begin with. repo and name
// are escaped.
func jobPrefix(repo, name string) string { return snapshotKeys + hash(16, repo, name) }

// familyPrefix is what the keys of the entries of one family and scope begin with, whatever
// --key-extra says.
func familyPrefix(m snapshot.ManifestName) string {
	return jobPrefix(m.Repo, m.Family[0]) + hash(16, m.Family[1:]...) + "-" + readable(m.Family) + "-" + hash(16, m.Scope) + "-"
}

func isLatest(object string) bool {
	m, ok := snapshot.ParseManifestObject(object)
	return ok && m.Digest == snapshot.Latest
}

// hash is that of a list of strings, as so many hexadecimal digits.
func hash(digits int, list ...string) string {
	h := sha256.New()
	for _, s := range list {
		fmt.Fprintf(h, "%d\n%s", len(s), s)
	}
	return hex.EncodeToString(h.Sum(nil))[:digits]
}

// maxReadable bounds what is only for people.
const maxReadable = 80

// readable is a family as far as a key can have it.
func readable(family []string) string {
	text := strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '.' {
			return r
		}
		return '_'
	}, strings.Join(family, "_"))
	return text[:min(len(text), maxReadable)]
}

// numbered is the key of version n.
func numbered(prefix string, n uint64) string { return prefix + strconv.FormatUint(n, 10) }

// maxNumber is more than anybody ever counts to.
const maxNumber = 1 << 40

// splitNumber takes the key of an entry apart.
func splitNumber(key string) (prefix string, n uint64, ok bool) {
	i := strings.LastIndexByte(key, '-') + 1
	n, err := strconv.ParseUint(key[i:], 10, 63)
	return key[:i], n, err == nil && i > 0 && n > 0 && n < maxNumber && numbered(key[:i], n) == key
}

// setKey is the key of a bundle that is about just this set of names, so that of several jobs that
// are about to store the same, one does. kind is what the key begins with, up to the scope.
func setKey(kind string, names []string) string {
	return kind + hash(40, slices.Sorted(slices.Values(names))...)
}

// ownKeys is what the keys of bundles of a kind begin with which this job makes.
func (r *remote) ownKeys(kind string) string {
	scope := "" // a service without scopes
	list, _ := Grants(r.opts.Token)
	for _, g := range list {
		if g.Permission&Write != 0 {
			scope = g.Scope
			break
		}
	}
	return kind + hash(8, scope) + "-"
}

// isOwn reports whether a bundle lies in the scope that this job writes to.
func (r *remote) isOwn(key string) bool {
	return strings.HasPrefix(key, r.ownKeys(moduleKeys)) || strings.HasPrefix(key, r.ownKeys(bundleKeys))
}
