package cli

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/usage"
)

const keygenLong = `Keygen makes a pair of keys for signed snapshots and prints it: the private one,
for $GOCACHE_ACTION_SIGN_KEY of jobs whose caches others may trust (a secret of
protected branches), and the public one, for --trust-key of all jobs.

NAME is shown in messages about the keys; it has no spaces and plus signs.`

// keygenCommand describes the command line.
func keygenCommand(c commands) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "keygen [NAME]",
		Short:   "Make keys for signed snapshots",
		Long:    keygenLong,
		Example: "  gocache keygen ci-2026 --json > keys.json",
		Args:    need(0, 1, "one name or none"),
	}
	return c.add(cmd, config.Other, func(_ context.Context, r *run, args []string) error {
		name := "gocache"
		if len(args) > 0 {
			name = args[0]
		}
		keys, err := generateKeys(name)
		if err != nil {
			return err
		}
		return r.out.result(keys, keys.write)
	})
}

// keyPair is what keygen prints.
type keyPair struct {
	Private string `json:"signKey"`
	Public  string `json:"trustKey"`
}

func generateKeys(name string) (keyPair, error) {
	private, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return keyPair{}, fmt.Errorf("keys: %w", err)
	}
	if _, err := note.NewVerifier(public); err != nil {
		return keyPair{}, usage.Errorf("invalid name %q for keys", name)
	}
	return keyPair{private, public}, nil
}

func (k keyPair) write(w io.Writer) error {
	_, err := fmt.Fprintf(w, "private, a secret: %s\npublic:            %s\n", k.Private, k.Public)
	return err
}
