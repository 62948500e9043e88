// Package redact removes secrets from what people and programs get to read: messages, logs of
// requests, URLs.
//
// It knows two kinds of secrets: values that a caller has named, wherever they occur, and text that
// is secret by its position: user and password in a URL, parts of signed URLs, headers that
// authorize, private keys of this program. The second kind is a second line of defence, for texts
// from elsewhere, such as errors of libraries.
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

// Mark replaces a secret.
const Mark = "***"

// minValue is the shortest value, in bytes, that is looked for in texts. A shorter one, such as the
// password "test", would be replaced within unrelated words too, which would give it away.
const minValue = 8

// Values replaces known secrets. The zero value and nil replace nothing. Safe for concurrent use.
type Values struct{ replacer *strings.Replacer }

// NewValues returns a replacer for these secrets in every form in which a text can have them: as
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
		// A secret of several lines, such as a key file pasted into a variable, may be printed line
		// by line.
		for line := range strings.Lines(s) {
			if line = strings.TrimSpace(line); len(line) >= minValue && line != s {
				forms = append(forms, line)
			}
		}
	}
	// If one form is the beginning of another, the longer one must win.
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
	// userinfo matches what precedes the host of a URL. An "@" after the host, as in a module
	// version, does not count.
	userinfo = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^/?#\s"'<>]*@`)
	// parameter matches the secret parameters of signed URLs (Azure's is sig), the ID of Google's
	// resumable uploads, which lets anybody write, and those that should not be in a URL at all.
	// The ID of a key is removed too, since it tells who signed.
	parameter = regexp.MustCompile(`(?i)((?:X-(?:Amz|Goog)-Credential|AWSAccessKeyId|\bsig|[a-z0-9_-]*(?:signature|token|passw(?:or)?d|secret|(?:api|access|private|secret|customer|sign|sse-c|account)[_-]?key|\bupload_id))(?:=|%3D))[^&\s"'<>]+`)
	private   = regexp.MustCompile(`PRIVATE\+KEY\+[^\s"',]+`)
	// google matches tokens of Google, by how they begin.
	google = regexp.MustCompile(`\bya29\.[\w.-]+`)
	// bearer matches tokens by their length, so that it does not match words of prose.
	bearer = regexp.MustCompile(`\b(Bearer|Basic)\s+[A-Za-z0-9+/=._~-]{20,}`)
)

// Text returns a text without what looks like a secret.
func Text(text string) string {
	text = userinfo.ReplaceAllString(text, "${1}"+Mark+"@")
	text = parameter.ReplaceAllString(text, "${1}"+Mark)
	text = google.ReplaceAllString(text, Mark)
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

// secretHeaders are prefixes, in lower case, of the names of headers whose values are secret. The
// hash of an encryption key is secret too: it tells whether a guess of the key is right.
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
