package cli

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/usage"
)

// signing holds the keys of a run.
type signing struct {
	trusted []note.Verifier
	maxAge  time.Duration
	signer  note.Signer   // nil: nothing is signed
	own     note.Verifier // of the signer
}

// readKeys reads the keys that a configuration names: keys themselves, or files that hold some.
func readKeys(cfg *config.Config) (signing, error) {
	s := signing{maxAge: cfg.TrustMaxAge}
	for _, text := range cfg.TrustKeys {
		list, err := parseTrustKeys(text)
		if err != nil {
			return signing{}, usage.Errorf("--trust-key: %w", err)
		}
		s.trusted = append(s.trusted, list...)
	}
	if cfg.SignKey == "" {
		return s, nil
	}
	var err error
	s.signer, s.own, err = readSigner(cfg.SignKey)
	return s, err
}

// readSigner makes the signer. Its errors do not show what was given, which may be the secret.
func readSigner(text string) (note.Signer, note.Verifier, error) {
	variable := "$" + config.Variable("sign-key")
	if !isPrivateKey(text) {
		data, err := os.ReadFile(text)
		if err != nil {
			return nil, nil, usage.Errorf("%s: %w", variable, errors.Unwrap(err))
		}
		text = string(data)
	}
	signer, own, err := parseSigner(strings.TrimSpace(text))
	if err != nil {
		return nil, nil, usage.Errorf("%s: not a private key of gocache keygen", variable)
	}
	return signer, own, nil
}

// isPrivateKey tells a key from the name of a file.
func isPrivateKey(text string) bool { return strings.HasPrefix(text, "PRIVATE+KEY+") }

// parseSigner reads a private key, and derives the public one.
func parseSigner(text string) (note.Signer, note.Verifier, error) {
	signer, err := note.NewSigner(text)
	if err != nil {
		return nil, nil, err
	}
	// one byte for the algorithm, then the seed
	key, err := base64.StdEncoding.DecodeString(strings.SplitN(text, "+", 5)[4])
	if err != nil {
		return nil, nil, err
	}
	public, err := note.NewEd25519VerifierKey(signer.Name(), ed25519.NewKeyFromSeed(key[1:]).Public().(ed25519.PublicKey))
	if err != nil {
		return nil, nil, err
	}
	own, err := note.NewVerifier(public)
	return signer, own, err
}

// trust says whose snapshots count. A job that signs builds on signed snapshots only, including its
// own: its signature vouches for all that it takes over.
func (s signing) trust() *snapshot.Trust {
	keys := s.trusted
	if s.signer != nil {
		keys = append(keys[:len(keys):len(keys)], s.own)
	}
	if len(keys) == 0 {
		return nil
	}
	return &snapshot.Trust{Keys: keys, MaxAge: s.maxAge}
}

// mayNotSave reports whether this job demands signatures and cannot sign.
func (s signing) mayNotSave() bool { return s.signer == nil && len(s.trusted) > 0 }

// parseTrustKeys reads public keys, or the names of files that hold some, separated by commas or
// white space.
func parseTrustKeys(text string) (list []note.Verifier, err error) {
	for _, word := range splitKeys(text) {
		v, err := note.NewVerifier(word)
		if err == nil {
			list = append(list, v)
			continue
		}
		data, fileErr := os.ReadFile(word)
		if fileErr != nil {
			return nil, fmt.Errorf("%q is neither a public key nor a file", word)
		}
		for _, line := range splitKeys(string(data)) {
			if v, err = note.NewVerifier(line); err != nil {
				return nil, fmt.Errorf("file %s: %w", word, err)
			}
			list = append(list, v)
		}
	}
	return list, nil
}

func splitKeys(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\r' || r == '\t' })
}
