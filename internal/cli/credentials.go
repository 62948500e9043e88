package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/ci"
	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/ghaction"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/s3"
)

// tokenFileVariable names a file that holds the OIDC token, as for all AWS tools, for example on
// Kubernetes. Tokens are secrets, so there is no flag for them.
const tokenFileVariable = "AWS_WEB_IDENTITY_TOKEN_FILE"

// errNoToken: the job has no identity that could assume a role.
var errNoToken = s3.ErrNoToken

// sessionFile is where temporary credentials are kept, "" if they are not.
func sessionFile(r *run) string {
	if r.cfg.KeepCredentials != "" || r.notes == "" {
		return r.cfg.KeepCredentials
	}
	return filepath.Join(r.notes, ghaction.SessionFile)
}

// roleOf is the role of the configuration; nil for none.
func roleOf(r *run) *s3.Role {
	if r.cfg.Role == "" {
		return nil
	}
	session := "gocache"
	if id := ci.JobID(r.env); id != "" {
		session += "-" + id
	}
	return &s3.Role{
		ARN: r.cfg.Role, Duration: r.cfg.RoleDuration, Session: session,
		Token: func(ctx context.Context) (string, error) {
			if r.tokens != nil {
				return r.tokens(ctx, r.cfg.Audience)
			}
			return jobToken(r.env)
		},
	}
}

// jobToken gets the token of a job from its environment.
func jobToken(env ci.Env) (string, error) {
	if token := strings.TrimSpace(env(config.TokenVariable)); token != "" {
		return token, nil
	}
	file := env(tokenFileVariable)
	if file == "" {
		return "", fmt.Errorf("%w in $%s", errNoToken, config.TokenVariable)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("OIDC token: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

// keptSession returns the credentials that restore left for this save, or nil. Credentials of
// another role are ignored: on a runner that keeps its disk they may be those of another job.
func keptSession(r *run) *s3.Session {
	file := sessionFile(r)
	if file == "" {
		return nil
	}
	kept, err := s3.ReadSession(file)
	switch {
	case err != nil:
		r.out.warn(err, "")
	case kept == nil || kept.Role != r.cfg.Role:
		return nil
	case time.Now().After(kept.Expires) && r.cfg.KeepCredentials == "":
		r.out.say("the credentials of the restore have expired; new ones are asked for")
		return nil
	case time.Now().After(kept.Expires):
		r.out.warn(fmt.Errorf("the credentials that restore left have expired %s ago", time.Since(kept.Expires).Round(time.Second)), "raise $"+config.Variable("role-duration")+", and what the role allows")
		return nil
	}
	return kept
}

// forgetCredentials removes the credentials of an earlier job. Then a restore that fails leaves
// none behind.
func forgetCredentials(r *run) {
	file := sessionFile(r)
	if file == "" {
		return
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.out.warn(fmt.Errorf("credentials file: %w", err), "")
	}
}

// keepCredentials writes the temporary credentials of a store to a file, for save. It runs before
// the restore, which may be killed. If there are no credentials it says nothing: the first request
// of the restore will.
func keepCredentials(ctx context.Context, r *run, st store.Store) {
	remote, ok := st.(*s3.Store)
	if sessionFile(r) == "" || !ok {
		return
	}
	session, err := remote.Session(ctx)
	if err != nil || session == nil {
		return
	}
	if err := s3.WriteSession(sessionFile(r), *session); err != nil {
		r.out.warn(err, cmp.Or(hintFor(err), "save will need credentials of its own"))
	}
}
