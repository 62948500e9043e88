package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/org/gocache-action/internal/ci"
	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/azblob"
	"github.com/org/gocache-action/internal/store/dir"
	"github.com/org/gocache-action/internal/store/gcs"
	"github.com/org/gocache-action/internal/store/s3"
)

const envLong = `Env prints what gocache knows here and cannot know elsewhere, as in an image build,
where there is neither a CI system nor .git: which repository, scope and name this
is, the store, and credentials for it. Of a role these are temporary ones; long-lived
keys are printed if they stand in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.

If something goes wrong, it warns and prints nothing, and run works without a cache.
The output is secret: give it to 'gocache run --env-file' by way of a secret mount.`

// envCommand describes the command line.
func envCommand(c commands) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "env",
		Short: "Print what run needs to know elsewhere",
		Long:  envLong,
		Example: `  gocache env >gocache.env
  docker build --secret id=gocache,src=gocache.env .`,
		Args: noArgs,
	}
	return c.add(cmd, config.Env, func(ctx context.Context, r *run, _ []string) error {
		ctx, cancel := r.end.bound(ctx)
		defer cancel()
		list, err := settingsFor(ctx, r)
		if err != nil {
			return r.end.finish(ctx, err)
		}
		return r.end.finish(ctx, printEnv(r.out, list))
	})
}

// printEnv prints variables. Not by console.result, which would take the secrets out.
func printEnv(out *console, list []setting) error {
	if out.json {
		object := map[string]string{}
		for _, s := range list {
			object[s.name] = s.value
		}
		return json.NewEncoder(out.stdout).Encode(object)
	}
	text, err := formatEnv(list)
	if err != nil {
		return err
	}
	_, err = io.WriteString(out.stdout, text)
	return err
}

// settingsFor collects what a run elsewhere needs, sorted by name.
func settingsFor(ctx context.Context, r *run) ([]setting, error) {
	st, err := openStore(ctx, r)
	if err != nil {
		return nil, err
	}
	if d, ok := st.(*dir.Store); ok {
		r.out.say("the store is the directory %s: an image build sees it only if it is mounted there", d.Root())
	}
	dir, err := projectDir(r.cfg.Dir)
	if err != nil {
		return nil, err
	}
	id := knownIdentity(ctx, r)
	if id.Repo == "" {
		return nil, errors.New("the repository is not known in " + dir)
	}
	vars := optionVariables(r.env)
	for _, name := range []string{"sign-key", "trust-key"} {
		if _, err := os.Stat(vars[name]); err == nil {
			r.out.say("$%s names a file, which has to be there under the same name: or set the key itself", config.Variable(name))
		}
	}
	vars.setIdentity(r, id)
	vars["store"] = r.cfg.Store
	access, err := accessVariables(ctx, r, st)
	if err != nil {
		return nil, err
	}
	list := access
	for option, value := range vars {
		if value != "" {
			list = append(list, setting{config.Variable(option), value})
		}
	}
	slices.SortFunc(list, func(a, b setting) int { return strings.Compare(a.name, b.name) })
	return list, nil
}

// variables are values of options by their names.
type variables map[string]string

// optionVariables are the options of run that the environment sets, but those that name files of
// this machine or have become others.
func optionVariables(env ci.Env) variables {
	vars := variables{}
	for _, o := range config.OptionsOf(config.Run) {
		switch o.Name {
		case "dir", "state", "summary", "metrics-file", "keep-credentials", "role-to-assume", "role-duration", "audience", "matrix", "json", "quiet":
			continue
		}
		if !o.NoVariable {
			vars[o.Name] = env(config.Variable(o.Name))
		}
	}
	return vars
}

// setIdentity says whose snapshot is meant. Whether this job may save is decided here, where the CI
// system is known.
func (v variables) setIdentity(r *run, id ci.Identity) {
	v["name"], v["repo"], v["scope"] = id.Name, id.Repo, id.Scope
	v["base-scope"], v["default-scope"] = id.BaseScope, id.DefaultScope
	if reason := r.readOnlyReason(id); reason != "" {
		r.out.say("read-only: %s", reason)
		v["read-only"] = "true"
	} else if r.cfg.ReadOnly {
		v["read-only"] = "true"
	}
}

// Variables of the environment that decide how a store is reached.
var (
	bucketVariables = []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"}
	keyVariables    = []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
	azureVariables  = []string{azureSASVariable, azureKeyVariable, azureClientVariable, azureTenantVariable, azureSecretVariable, config.TokenVariable}
	cacheVariables  = []string{"ACTIONS_RESULTS_URL", "ACTIONS_RUNTIME_TOKEN", "ACTIONS_CACHE_MODE", "ACTIONS_CACHE_SERVICE_V2", "GITHUB_ACTIONS", "GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_EVENT_NAME"}
)

// accessVariables are the variables with which a store is reached elsewhere.
func accessVariables(ctx context.Context, r *run, st store.Store) ([]setting, error) {
	if r.usesActions() {
		return present(r.env, cacheVariables), nil
	}
	switch st := st.(type) {
	case *s3.Store:
		return bucketAccess(ctx, r, st)
	case *azblob.Store:
		return present(r.env, azureVariables), nil
	case *gcs.Store:
		r.out.say("credentials for Google Cloud Storage are a file: give it to the build as a secret of its own, at the place that $GOOGLE_APPLICATION_CREDENTIALS names")
		return present(r.env, []string{"GOOGLE_APPLICATION_CREDENTIALS"}), nil
	}
	return nil, nil
}

// bucketAccess are the variables for a bucket: temporary credentials, if there are such.
func bucketAccess(ctx context.Context, r *run, bucket *s3.Store) ([]setting, error) {
	list := present(r.env, bucketVariables)
	session, err := bucket.Session(ctx)
	if role := roleOf(r); err == nil && session == nil && role != nil {
		_, err = role.Token(ctx) // why the store would be read without credentials
	}
	switch {
	case err != nil:
		return nil, err
	case session == nil:
		return append(list, present(r.env, keyVariables)...), nil
	}
	temporary := map[string]string{keyVariables[0]: session.AccessKeyID, keyVariables[1]: session.SecretAccessKey, keyVariables[2]: session.SessionToken}
	return append(list, present(func(name string) string { return temporary[name] }, keyVariables)...), nil
}

// present are the variables that are set.
func present(env ci.Env, names []string) (list []setting) {
	for _, name := range names {
		if value := env(name); value != "" {
			list = append(list, setting{name, value})
		}
	}
	return list
}
