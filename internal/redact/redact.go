// Package redact takes secrets out of what people and programs get to read: messages, logs of
// requests, URLs.
//
// Two kinds are known: values that a caller has named as secret, wherever they stand, and what
// looks like a secret by its place: user and password in a URL, parts of signed URLs, headers that
// authorize, private keys of this program. The second kind is a second line of defence, for texts
// that come from elsewhere, such as errors of libraries.
package redact

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Mark stands where a secret stood.
const Mark = "***"

// minValue is the length in bytes from which on a value is looked for in texts. A shorter one, such
// as a password "test", would make holes in words that have nothing to do with it, and tell by them
// what it is.
const minValue = 8

// Values replaces known secrets. The zero value and nil replace nothing. Safe for concurrent use.
type Values struct{ replacer *strings.Replacer }

// NewValues returns a replacer of these secrets, in each form in which a text can hold them: as
// they are, escaped for JSON and for URLs, and in base64. Values of less than 8 bytes are left out.
func NewValues(secrets ...string) *Values {
	var forms []string
	for _, s := range secrets {
		if len(s) < minValue {
			continue
		}
		forms = append(forms, s, base64.StdEncoding.EncodeToString([]byte(s)), url.QueryEscape(s), url.PathEscape(s))
		if quoted, err := json.Marshal(s); err == nil {
			forms = append(forms, string(quoted[1:len(quoted)-1]))
		}
		// One of several lines, such as a key file that was pasted into a variable, can be printed
		// line by line.
		for line := range strings.Lines(s) {
			if line = strings.TrimSpace(line); len(line) >= minValue && line != s {
				forms = append(forms, line)
			}
		}
	}
	// Where one begins with another, the longer one must win.
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, f := range slices.Compact(forms) {
		pairs = append(pairs, f, Mark)
	}
	return &Values{strings.NewReplacer(pairs...)}
}

// Text returns a text without the secrets.
func (v *Values) Text(text string) string {
	if v == nil || v.replacer == nil {
		return text
	}
	return v.replacer.Replace(text)
}

var (
	// userinfo is what stands before the host of a URL. An "@" behind the host, as in a module
	// version, is none.
	userinfo = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^/?#\s"'<>]*@`)
	// parameter is one of a signed URL (Azure's is sig), or one that should not be in a URL. The
	// name of a key tells who signed, which is nobody's business either.
	parameter = regexp.MustCompile(`(?i)((?:X-(?:Amz|Goog)-Credential|AWSAccessKeyId|\bsig|[a-z0-9_-]*(?:signature|token|passw(?:or)?d|secret|(?:api|access|private|secret|customer|sign|sse-c)[_-]?key))(?:=|%3D))[^&\s"'<>]+`)
	private   = regexp.MustCompile(`PRIVATE\+KEY\+[^\s"',]+`)
	// longer than the words of prose
	bearer = regexp.MustCompile(`\b(Bearer|Basic)\s+[A-Za-z0-9+/=._~-]{20,}`)
)

// Text returns a text without what looks like a secret.
func Text(text string) string {
	text = userinfo.ReplaceAllString(text, "${1}"+Mark+"@")
	text = parameter.ReplaceAllString(text, "${1}"+Mark)
	text = bearer.ReplaceAllString(text, "${1} "+Mark)
	return private.ReplaceAllString(text, "PRIVATE+KEY+"+Mark)
}

// URL returns a URL without user, password and secret parameters.
func URL(u *url.URL) string {
	c := *u
	if c.User != nil {
		c.User = nil
		return Text(strings.Replace(c.String(), "://", "://"+Mark+"@", 1))
	}
	return Text(c.String())
}

// secretHeaders begin the names of headers whose values are secrets, in lower case. The hash of an
// encryption key counts as one: it tells whether a guess is right.
var secretHeaders = []string{
	"authorization", "proxy-authorization", "cookie", "set-cookie", "x-amz-security-token", "x-amz-credential",
	"x-amz-server-side-encryption-customer-key", "x-amz-copy-source-server-side-encryption-customer-key",
	"x-amz-server-side-encryption-context",
}

// Header returns a copy of headers in which secret values are marked.
func Header(h http.Header) http.Header {
	out := make(http.Header, len(h))
	for name, values := range h {
		lower := strings.ToLower(name)
		secret := slices.ContainsFunc(secretHeaders, func(s string) bool { return strings.HasPrefix(lower, s) })
		for _, v := range values {
			if secret {
				v = Mark
			}
			out[name] = append(out[name], Text(v))
		}
	}
	return out
}
