package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/s3"
)

// Tokens are secrets, and come from the environment only: flags can be seen in the list of
// processes.
const (
	// the token itself: GitLab's id_tokens, Buildkite, CircleCI
	tokenVariable = "GOCACHE_ACTION_ID_TOKEN"
	// as for all AWS tools, on Kubernetes for example
	tokenFileVariable = "AWS_WEB_IDENTITY_TOKEN_FILE"
)

const (
	defaultAudience     = "sts.amazonaws.com"
	defaultRoleDuration = time.Hour // what a role allows unless it was changed
)

// errNoToken: the job has no identity that could assume a role.
var errNoToken = s3.ErrNoToken

// roleFlags say whose permissions a job has in the store, beyond what the AWS SDK finds by itself.
type roleFlags struct {
	arn, audience string
	duration      duration
	keep          string // file
	keepDefault   string // the same, where the step of an action has a directory
}

func (r *roleFlags) register(fs *pflag.FlagSet) {
	r.duration = duration(defaultRoleDuration)
	fs.StringVar(&r.arn, "role-to-assume", "", "ARN of a role that is assumed with the OIDC token of the job: from the runner on GitHub, else in $"+tokenVariable)
	fs.Var(&r.duration, "role-duration", "how long the credentials of the role are valid, 15m to 12h, and not longer than the role allows")
	fs.StringVar(&r.audience, "audience", defaultAudience, "audience of the OIDC token, where the runner is asked for one")
	fs.StringVar(&r.keep, "keep-credentials", "", "file in which restore leaves temporary credentials, for a save when the token is no longer valid")
}

// check refuses what STS would refuse later.
func (r *roleFlags) check() error {
	d := time.Duration(r.duration)
	switch {
	case r.arn == "":
		return nil
	case !strings.HasPrefix(r.arn, "arn:"):
		return usage("invalid value %q for --role-to-assume: want an ARN such as arn:aws:iam::123456789012:role/cache", r.arn)
	case d < s3.MinRoleDuration || d > s3.MaxRoleDuration:
		return usage("invalid value %s for --role-duration: want 15m to 12h", &r.duration)
	}
	return nil
}

// keepFile is where credentials are kept, "" if they are not.
func (r *roleFlags) keepFile() string { return cmp.Or(r.keep, r.keepDefault) }

// role puts the role of the flags into the options of a store.
func (a *app) role(o *s3.Options) {
	r := a.flags.role
	if r.arn != "" {
		o.Role = &s3.Role{
			ARN: r.arn, Duration: time.Duration(r.duration), Session: join("-", "gocache", firstOf(a.lookup, "GITHUB_RUN_ID", "CI_JOB_ID")),
			Token: func(ctx context.Context) (string, error) { return a.token(ctx, r.audience) },
		}
	}
	o.Kept = a.keptSession()
}

// token gets a token from wherever this job has it.
func (a *app) token(ctx context.Context, audience string) (string, error) {
	if a.tokens != nil {
		return a.tokens(ctx, audience)
	}
	if token := strings.TrimSpace(a.lookup.get(tokenVariable)); token != "" {
		return token, nil
	}
	file := a.lookup.get(tokenFileVariable)
	if file == "" {
		return "", fmt.Errorf("%w in $%s", errNoToken, tokenVariable)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("OIDC token: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

// keptSession returns the credentials that restore left, or nil. Those of another role are none: a
// runner that keeps its files has perhaps those of another job.
func (a *app) keptSession() *s3.Session {
	if a.flags.role.keepFile() == "" {
		return nil
	}
	kept, err := s3.ReadSession(a.flags.role.keepFile())
	switch {
	case err != nil:
		a.out.warn(err, "")
	case kept == nil || kept.Role != a.flags.role.arn:
		return nil
	case time.Now().After(kept.Expires) && a.flags.role.keep == "":
		a.out.say("the credentials of the restore have expired; new ones are asked for")
		return nil
	case time.Now().After(kept.Expires):
		a.out.warn(fmt.Errorf("the credentials that restore left have expired %s ago", time.Since(kept.Expires).Round(time.Second)), "raise --role-duration, and what the role allows")
		return nil
	}
	return kept
}

// forgetCredentials removes what an earlier job left, so that a restore that fails leaves none, and
// one that does not, its own.
func (a *app) forgetCredentials() {
	if a.flags.role.keepFile() == "" {
		return
	}
	if err := os.Remove(a.flags.role.keepFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		a.out.warn(fmt.Errorf("credentials file: %w", err), "")
	}
}

// keepCredentials leaves the temporary credentials of a store for save. It comes before the
// restore, which may be killed. Credentials that cannot be had are not reported here: the first
// request of the restore does that.
func (a *app) keepCredentials(ctx context.Context, st store.Store) {
	remote, ok := st.(*s3.Store)
	if a.flags.role.keepFile() == "" || !ok {
		return
	}
	session, err := remote.Session(ctx)
	if err != nil || session == nil {
		return
	}
	if err := s3.WriteSession(a.flags.role.keepFile(), *session); err != nil {
		a.out.warn(err, cmp.Or(hintFor(err), "save will need credentials of its own"))
	}
}
