package snapshot

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"

	"golang.org/x/mod/module"
)

// What a module proxy keeps beside module objects are small objects: what it was told of versions,
// and what the checksum database has signed. They have names of their own, so that who may write
// modules, as CI jobs may, need not be allowed to write them.

// ProxyPrefix names the small objects of one trust domain of a module proxy: those of public
// modules, which all share, or those of private ones.
type ProxyPrefix struct{ prefix string }

// SharedProxy is where the small objects of public modules lie.
func SharedProxy() ProxyPrefix { return ProxyPrefix{root + "/proxy"} }

// ScopedProxy is where those of private modules lie, which never leave their repository and scope.
func ScopedProxy(repo, scope string) ProxyPrefix {
	return ProxyPrefix{ScopePrefix(repo, scope) + "/proxy"}
}

// A ProxyKind says what a small object tells of a version.
type ProxyKind string

// The kinds. KindSum is written when a version is verified: its h1 hashes as in go.sum.
const (
	KindInfo ProxyKind = "info"
	KindMod  ProxyKind = "mod"
	KindSum  ProxyKind = "sum"
)

// Version names a small object of a version.
func (p ProxyPrefix) Version(v module.Version, kind ProxyKind) (string, error) {
	ver, err := module.EscapeVersion(v.Version)
	if err != nil {
		return "", fmt.Errorf("module %s: %w", v, err)
	}
	return p.of(v.Path, "@v", ver+"."+string(kind))
}

// List names the list of the versions of a module.
func (p ProxyPrefix) List(modPath string) (string, error) { return p.of(modPath, "@v", "list") }

// Latest names what is known of the latest version of a module.
func (p ProxyPrefix) Latest(modPath string) (string, error) { return p.of(modPath, "@v", "latest") }

// Query names what is known of the version that a branch, a commit or another query means.
func (p ProxyPrefix) Query(modPath, query string) (string, error) {
	return p.of(modPath, "@q", Escape(query))
}

func (p ProxyPrefix) of(modPath string, elems ...string) (string, error) {
	esc, err := module.EscapePath(modPath)
	if err != nil {
		return "", fmt.Errorf("module %s: %w", modPath, err)
	}
	return path.Join(append([]string{p.prefix, esc}, elems...)...), nil
}

// ModuleVersions is the prefix of the module objects of all versions of a public module.
func ModuleVersions(modPath string) (string, error) { return moduleVersions(root, modPath) }

// ScopedModuleVersions is that of a private module.
func ScopedModuleVersions(repo, scope, modPath string) (string, error) {
	return moduleVersions(ScopePrefix(repo, scope), modPath)
}

func moduleVersions(prefix, modPath string) (string, error) {
	esc, err := module.EscapePath(modPath)
	if err != nil {
		return "", fmt.Errorf("module %s: %w", modPath, err)
	}
	return path.Join(prefix, "modules", esc, "@v") + "/", nil
}

// SumDBObject names an answer of a checksum database: its name, and the path of the request, such
// as lookup/rsc.io/quote@v1.5.2.
func SumDBObject(db, file string) string { return path.Join(root, "sumdb", Escape(db), file) }

const proxyMagic = "gocache-proxy 1\nsha256 "

// Seal makes the stored form of a small object, which tells whether it is damaged.
func Seal(content []byte) []byte {
	sum := sha256.Sum256(content)
	return append([]byte(proxyMagic+hex.EncodeToString(sum[:])+"\n\n"), content...)
}

// Unseal returns the content of a small object, or ErrCorrupt.
func Unseal(stored []byte) ([]byte, error) {
	rest, ok := bytes.CutPrefix(stored, []byte(proxyMagic))
	head, content, ok2 := bytes.Cut(rest, []byte("\n\n"))
	if !ok || !ok2 {
		return nil, fmt.Errorf("%w: not a small object of a proxy", ErrCorrupt)
	}
	if sum := sha256.Sum256(content); string(head) != hex.EncodeToString(sum[:]) {
		return nil, fmt.Errorf("%w: hash of a small object", ErrCorrupt)
	}
	return content, nil
}
