package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/mod/sumdb/note"

	"github.com/org/gocache-action/internal/snapshot"
)

// defaultTrustAge is that after which gc removes a snapshot, too: one that is in use is written at
// least once a day.
const defaultTrustAge = 35 * 24 * time.Hour

// signing holds the keys of the flags, and what is made of them.
type signing struct {
	trustKeys trustKeys
	trustAge  duration
	signKey   string

	signer note.Signer   // nil: nothing is signed
	own    note.Verifier // of the signer
}

// trusting registers whose snapshots are read.
func (s *signing) trusting(fs *pflag.FlagSet) {
	s.trustAge = duration(defaultTrustAge)
	fs.Var(&s.trustKeys, "trust-key", "public key, or a file with some, one of which must have signed a snapshot; repeatable (default: snapshots need no signature)")
	fs.Var(&s.trustAge, "trust-max-age", "with --trust-key: how old a signed snapshot may be; 0: any age")
}

// signs registers the private key.
func (s *signing) signs(fs *pflag.FlagSet) {
	fs.StringVar(&s.signKey, "sign-key", "", "private key that signs the snapshot (better in the environment than in a command line), or the file that holds it")
}

// parse makes the signer. Errors do not show what was given: it may be the secret.
func (s *signing) parse() error {
	text := s.signKey
	if text == "" {
		return nil
	}
	if !strings.HasPrefix(text, privatePrefix) {
		data, err := os.ReadFile(text)
		if err != nil {
			return usage("--sign-key: %w", errors.Unwrap(err))
		}
		text = string(data)
	}
	var err error
	if s.signer, s.own, err = parseSigner(strings.TrimSpace(text)); err != nil {
		return usage("--sign-key: not a private key of gocache keygen")
	}
	return nil
}

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

const privatePrefix = "PRIVATE+KEY+"

// trust says whose snapshots count. A job that signs builds upon nothing but signed ones, its own
// included, for what it takes over it vouches for.
func (s *signing) trust() *snapshot.Trust {
	keys := s.trustKeys.list
	if s.signer != nil {
		keys = append(keys[:len(keys):len(keys)], s.own)
	}
	if len(keys) == 0 {
		return nil
	}
	return &snapshot.Trust{Keys: keys, MaxAge: time.Duration(s.trustAge)}
}

// mayNotSave reports whether this job demands signatures of others and cannot give its own.
func (s *signing) mayNotSave() bool { return s.signer == nil && len(s.trustKeys.list) > 0 }

// trustKeys is a flag value: public keys, separated by commas or white space, or names of files
// that hold them.
type trustKeys struct{ list []note.Verifier }

func (k *trustKeys) Type() string { return "key" }

func (k *trustKeys) String() string {
	var names []string
	for _, v := range k.list {
		names = append(names, snapshot.KeyID(v.Name(), v.KeyHash()))
	}
	return strings.Join(names, ",")
}

// Set implements pflag.Value. It adds.
func (k *trustKeys) Set(text string) error {
	for _, word := range splitKeys(text) {
		v, err := note.NewVerifier(word)
		if err == nil {
			k.list = append(k.list, v)
			continue
		}
		data, fileErr := os.ReadFile(word)
		if fileErr != nil {
			return fmt.Errorf("%q is neither a public key nor a file", word)
		}
		for _, line := range splitKeys(string(data)) {
			if v, err = note.NewVerifier(line); err != nil {
				return fmt.Errorf("file %s: %w", word, err)
			}
			k.list = append(k.list, v)
		}
	}
	return nil
}

func splitKeys(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\r' || r == '\t' })
}

const keygenLong = `Keygen makes a pair of keys for signed snapshots and prints it: the private one,
for --sign-key of jobs whose caches others may trust (a secret of protected
branches), and the public one, for --trust-key of all jobs.`

// keygenCommand describes the command line.
func (a *app) keygenCommand() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:     "keygen",
		Short:   "Make keys for signed snapshots",
		Long:    keygenLong,
		Example: "  gocache keygen --key-name ci-2026 > keys.json --json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			keys, err := generateKeys(name)
			if err != nil {
				return err
			}
			return a.out.result(keys, keys.write)
		},
	}
	cmd.Flags().StringVar(&name, "key-name", "gocache", "name of the keys, shown in messages; without spaces and plus signs")
	return cmd
}

// keyPair is what keygen prints.
type keyPair struct {
	Private string `json:"signKey"`
	Public  string `json:"trustKey"`
}

func generateKeys(name string) (keyPair, error) {
	private, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return keyPair{}, failure{exitFailed, fmt.Errorf("keys: %w", err)}
	}
	if _, err := note.NewVerifier(public); err != nil {
		return keyPair{}, usage("invalid value %q for --key-name", name)
	}
	return keyPair{private, public}, nil
}

func (k keyPair) write(w io.Writer) error {
	_, err := fmt.Fprintf(w, "private, a secret: %s\npublic:            %s\n", k.Private, k.Public)
	return err
}
