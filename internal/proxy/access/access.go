// Package access says who may read which private modules. Public modules are for everybody.
//
// A client proves who it is by a token (as a bearer token, or as the password of basic
// authentication, which is what the go command sends from .netrc), or by a certificate. Of tokens
// only hashes are kept.
package access

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/mod/module"
)

// A Reader may read modules. Exactly one of SHA256 and Certificate is set.
type Reader struct {
	Name        string
	SHA256      string // of the token, in hex
	Certificate string // a DNS name, an address or the common name in a client certificate
	Patterns    string // as in GOPRIVATE
}

// Rules say who may read what. Without any reader everybody may read everything.
type Rules struct {
	byToken       map[string]Reader
	byCertificate map[string][]Reader
	any           bool
}

// New checks readers.
func New(readers []Reader) (*Rules, error) {
	r := &Rules{byToken: map[string]Reader{}, byCertificate: map[string][]Reader{}, any: len(readers) > 0}
	for _, x := range readers {
		if err := r.add(x); err != nil {
			return nil, fmt.Errorf("token %q: %w", x.Name, err)
		}
	}
	return r, nil
}

func (r *Rules) add(x Reader) error {
	raw, err := hex.DecodeString(x.SHA256)
	switch {
	case x.Name == "":
		return errors.New("it has no name")
	case (x.SHA256 == "") == (x.Certificate == ""):
		return errors.New("want either the hash of a token or a certificate")
	case strings.TrimSpace(x.Patterns) == "":
		return errors.New("it may read nothing")
	case x.Certificate != "":
		r.byCertificate[x.Certificate] = append(r.byCertificate[x.Certificate], x)
		return nil
	case err != nil || len(raw) != sha256.Size:
		return errors.New("want the SHA-256 of the token as 64 hex digits")
	}
	key := strings.ToLower(x.SHA256)
	if other, ok := r.byToken[key]; ok {
		return fmt.Errorf("it is the same as that of %q", other.Name)
	}
	r.byToken[key] = x
	return nil
}

// Verdict on a request.
type Verdict int

// The verdicts.
const (
	Allowed Verdict = iota
	Unknown         // nobody that is known: 401
	Denied          // somebody else's module: 403
)

// Check says whether a client may read a private module, and who it is.
func (r *Rules) Check(req *http.Request, path string) (Verdict, string) {
	if r == nil || !r.any {
		return Allowed, ""
	}
	known := r.readers(req)
	for _, x := range known {
		if module.MatchPrefixPatterns(x.Patterns, path) {
			return Allowed, x.Name
		}
	}
	if len(known) == 0 {
		return Unknown, ""
	}
	return Denied, known[0].Name
}

// readers are those that a request proves to come from.
func (r *Rules) readers(req *http.Request) (list []Reader) {
	if token := tokenOf(req); token != "" {
		sum := sha256.Sum256([]byte(token))
		// The keys are hashes: how long the look-up takes tells nothing of a token.
		if x, ok := r.byToken[hex.EncodeToString(sum[:])]; ok {
			list = append(list, x)
		}
	}
	if req.TLS == nil || len(req.TLS.VerifiedChains) == 0 {
		return list
	}
	cert := req.TLS.PeerCertificates[0]
	names := append([]string{cert.Subject.CommonName}, append(slices.Clone(cert.DNSNames), cert.EmailAddresses...)...)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		list = append(list, r.byCertificate[name]...)
	}
	return list
}

func tokenOf(req *http.Request) string {
	if _, password, ok := req.BasicAuth(); ok {
		return password
	}
	scheme, token, ok := strings.Cut(req.Header.Get("Authorization"), " ")
	if ok && strings.EqualFold(scheme, "bearer") {
		return strings.TrimSpace(token)
	}
	return ""
}
