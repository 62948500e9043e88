package snapshot

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/mod/sumdb/note"
)

// A manifest can be signed. A header line behind the hash then says
//
//	signature <name of the key>+<hash of the key> <base64 of the signature>
//
// and the signature is that of the two lines before it, with their line feeds: of the format
// version and of the hash of all that follows. The content names repository, scope, key and time,
// so that these are signed too. Keys are those of golang.org/x/mod/sumdb/note: ed25519, in one line
// of text.

// ErrUntrusted is wrapped by every error that says a manifest is not one that a trusted key signed,
// for this place and of late.
var ErrUntrusted = errors.New("untrusted")

const signatureField = "signature "

// Trust says whose manifests are read. A nil Trust reads all. Safe for concurrent use.
type Trust struct {
	Keys []note.Verifier // one of them must have signed
	// MaxAge is how old a signed manifest may be; 0: any age. It bounds how long an old one that
	// somebody puts back is taken for the newest.
	MaxAge time.Duration
}

// maxAhead is how far in the future a manifest may have been written: clocks of machines differ,
// but a manifest from next year would never expire.
const maxAhead = 48 * time.Hour

// DecodeManifest reads a stored manifest as the function of this name does, but only if it is
// signed by one of the keys and not too old; else the error is ErrUntrusted. Nothing is
// decompressed before the signature is checked.
func (t *Trust) DecodeManifest(data []byte, now time.Time) (*Manifest, error) {
	return t.DecodeManifestLike(data, now, nil)
}

// DecodeManifestLike is DecodeManifest for one that may have been written by the same save as like:
// then both share the memory of their tables, of which neither must be changed.
func (t *Trust) DecodeManifestLike(data []byte, now time.Time, like *Manifest) (*Manifest, error) {
	lines, body, err := openManifest(data)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return decodeBody(body, like)
	}
	if err := t.verify(lines); err != nil {
		return nil, err
	}
	m, err := decodeBody(body, like)
	if err != nil {
		return nil, err
	}
	switch age := now.Sub(m.Writer.Time); {
	case t.MaxAge > 0 && age > t.MaxAge:
		return nil, fmt.Errorf("%w: expired: signed %s, which is more than %s ago", ErrUntrusted, m.Writer.Time.Format(time.RFC3339), t.MaxAge)
	case age < -maxAhead:
		return nil, fmt.Errorf("%w: signed at %s, in the future", ErrUntrusted, m.Writer.Time.Format(time.RFC3339))
	}
	return m, nil
}

// verify looks for a signature of one of the keys in the header lines of a sound manifest.
func (t *Trust) verify(lines []string) error {
	signed := ""
	for _, line := range lines[1:] {
		text, ok := strings.CutPrefix(line, signatureField)
		if !ok {
			continue
		}
		id, sig64, _ := strings.Cut(text, " ")
		signed = id
		sig, err := base64.StdEncoding.DecodeString(sig64)
		i := slices.IndexFunc(t.Keys, func(v note.Verifier) bool { return KeyID(v.Name(), v.KeyHash()) == id })
		if err != nil || i < 0 {
			continue
		}
		if !t.Keys[i].Verify(signedText(lines), sig) {
			return fmt.Errorf("%w: wrong signature of key %s", ErrUntrusted, id)
		}
		return nil
	}
	if signed == "" {
		return fmt.Errorf("%w: not signed", ErrUntrusted)
	}
	if strings.ContainsFunc(signed, unicode.IsControl) {
		signed = strconv.Quote(signed)
	}
	return fmt.Errorf("%w: signed by key %s, which is not one of the trusted", ErrUntrusted, signed)
}

// signers lists the IDs of the keys that the header lines of a manifest have signatures of.
func signers(lines []string) (ids []string) {
	for _, line := range lines[1:] {
		if text, ok := strings.CutPrefix(line, signatureField); ok {
			id, _, _ := strings.Cut(text, " ")
			ids = append(ids, id)
		}
	}
	return ids
}

// KeyID names a key as signatures and error messages do.
func KeyID(name string, hash uint32) string {
	return fmt.Sprintf("%s+%x", name, binary.BigEndian.AppendUint32(nil, hash))
}

// signedText is what is signed: the lines of the version and of the hash.
func signedText(lines []string) []byte {
	var text []byte
	for i, line := range lines {
		if i == 0 || strings.HasPrefix(line, hashField) {
			text = append(append(text, line...), '\n')
		}
	}
	return text
}

// EncodeSigned is Encode with a signature.
func (m *Manifest) EncodeSigned(key note.Signer) ([]byte, error) { return m.encode(key) }

// sign adds the line of the signature to the lines that are signed.
func sign(lines []byte, key note.Signer) ([]byte, error) {
	sig, err := key.Sign(lines)
	if err != nil {
		return nil, fmt.Errorf("sign with key %s: %w", key.Name(), err)
	}
	return fmt.Appendf(lines, "%s%s %s\n", signatureField, KeyID(key.Name(), key.KeyHash()), base64.StdEncoding.EncodeToString(sig)), nil
}
