package snapshot

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/digest"
)

// root is the first element of every object name. A later format uses another one, so that two
// formats can live in one bucket while a fleet is being upgraded.
const root = "v2"

// ModuleObject names a module version in the prefix that all repositories share.
// sum is its hash as in go.sum ("h1:...").
func ModuleObject(v module.Version, sum string) (string, error) { return moduleObject(root, v, sum) }

// ScopedModuleObject names a private module version, which never leaves its repository and scope.
func ScopedModuleObject(repo, scope string, v module.Version, sum string) (string, error) {
	return moduleObject(ScopePrefix(repo, scope), v, sum)
}

func moduleObject(prefix string, v module.Version, sum string) (string, error) {
	p, err := module.EscapePath(v.Path)
	if err != nil {
		return "", fmt.Errorf("module %s: %w", v, err)
	}
	ver, err := module.EscapeVersion(v.Version)
	if err != nil {
		return "", fmt.Errorf("module %s: %w", v, err)
	}
	b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(sum, "h1:"))
	if err != nil || !strings.HasPrefix(sum, "h1:") || len(b) != sha256.Size {
		return "", fmt.Errorf("module %s: %q is not an h1 hash", v, sum)
	}
	return path.Join(prefix, "modules", p, "@v", ver, hex.EncodeToString(b)), nil
}

// RepoPrefix is where everything lies that the scopes of one repository write, public modules
// aside.
func RepoPrefix(repo string) string { return path.Join(root, "repos", Escape(repo)) }

// ScopePrefix is where everything lies that one scope writes, public modules aside.
// A bucket policy grants writes to it.
func ScopePrefix(repo, scope string) string {
	return path.Join(RepoPrefix(repo), Escape(scope))
}

// PackObject names a pack by the SHA-256 of its bytes.
func PackObject(repo, scope string, id digest.ID) string {
	return path.Join(ScopePrefix(repo, scope), "packs", id.String())
}

// ManifestObject names the manifest of a snapshot. The elements of the key stay
// separate, so that no two keys can be joined to the same name.
func ManifestObject(repo, scope string, key []string) string {
	elems := []string{ScopePrefix(repo, scope), "snapshots"}
	for _, k := range key {
		elems = append(elems, Escape(k))
	}
	return path.Join(elems...)
}

// HealthObject names the small object with the last grade of a job's cache.
func HealthObject(repo, scope, name string) string {
	return path.Join(ScopePrefix(repo, scope), "health", Escape(name))
}

// maxElement bounds an escaped element, so that the name of a manifest, which has six of them and a
// digest, stays below the 900 bytes that stores take.
const maxElement = 120

// Escape turns any string into one element of an object name, and different strings into different
// elements, also on file systems that fold case or forbid names:
//
//   - "a-z", "0-9", ".", "_" and "-" stay; "/" becomes "~", so that refs stay readable;
//   - an upper-case letter becomes "!" and its lower-case one, as in module paths;
//   - every other byte, a first or last ".", and the first byte of a Windows device
//     name become "=" and two hex digits; the empty string becomes "=";
//   - a result of more than 120 bytes is cut and closed by "=h" and its SHA-256.
func Escape(s string) string {
	if s == "" {
		return "="
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '.' && (i == 0 || i == len(s)-1), i == 0 && windowsDevice(s):
			fmt.Fprintf(&b, "=%02x", c)
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
			b.WriteByte(c)
		case 'A' <= c && c <= 'Z':
			b.WriteByte('!')
			b.WriteByte(c + 'a' - 'A')
		case c == '/':
			b.WriteByte('~')
		default:
			fmt.Fprintf(&b, "=%02x", c)
		}
	}
	out := b.String()
	if len(out) <= maxElement {
		return out
	}
	sum := sha256.Sum256([]byte(s))
	return out[:maxElement-2-2*len(sum)] + "=h" + hex.EncodeToString(sum[:])
}

// Unescape returns what Escape made an element of, for people: of one that was cut, only the
// beginning is known.
func Unescape(elem string) string {
	if elem == "=" {
		return ""
	}
	cut := ""
	if i := len(elem) - 2*sha256.Size - 2; i >= 0 && strings.HasPrefix(elem[i:], "=h") {
		elem, cut = elem[:i], "..."
	}
	var b strings.Builder
	for i := 0; i < len(elem); i++ {
		switch c := elem[i]; {
		case c == '~':
			b.WriteByte('/')
		case c == '!' && i+1 < len(elem):
			i++
			b.WriteString(strings.ToUpper(elem[i : i+1]))
		case c == '=' && i+2 < len(elem):
			if v, err := hex.DecodeString(elem[i+1 : i+3]); err == nil {
				b.WriteByte(v[0])
				i += 2
				continue
			}
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return strings.ToValidUTF8(b.String(), "?") + cut
}

// windowsDevice reports whether a file called s would be a device on Windows, which
// ignores case and everything from the first dot on.
func windowsDevice(s string) bool {
	base, _, _ := strings.Cut(strings.ToLower(s), ".")
	switch base {
	case "con", "prn", "aux", "nul":
		return true
	}
	return len(base) == 4 && (base[:3] == "com" || base[:3] == "lpt")
}

// checkName refuses a member name that could leave the directory it is meant for.
func checkName(name string) error {
	switch {
	case name == "" || len(name) > MaxName:
		return fmt.Errorf("member name of %d bytes", len(name))
	case strings.ContainsFunc(name, isUnsafe), !utf8.ValidString(name), path.IsAbs(name), path.Clean(name) != name,
		name == "." || name == ".." || strings.HasPrefix(name, "../"):
		return fmt.Errorf("unsafe member name %.300q", name)
	}
	return nil
}

// isUnsafe tells of what separates names on Windows, and of what could end a line of a log and
// begin a command to a CI system.
func isUnsafe(r rune) bool { return r == '\\' || unicode.IsControl(r) }
