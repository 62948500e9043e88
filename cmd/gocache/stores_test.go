package main

import (
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/goproxytest"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/org/gocache-action/internal/store/actions/actionstest"
	"github.com/org/gocache-action/internal/store/storetest"
)

// TestStores runs each script in testdata/stores with each kind of store: a directory, a bucket on
// a real S3 server, and the cache service of GitHub Actions with the API of GitHub beside it.
// Scripts run as a job of the default branch of octo/project, with its store in
// $GOCACHE_ACTION_STORE. The conditions [dir], [s3] and [actions] tell stores apart.
func TestStores(t *testing.T) {
	proxy := goproxytest.NewTestServer(t, "../../testdata/modules", "")
	gateway := storetest.Gateway(t)
	for name, vars := range map[string]func(t *testing.T, env *testscript.Env) []string{
		"dir": func(_ *testing.T, env *testscript.Env) []string {
			root := filepath.ToSlash(filepath.Join(env.WorkDir, "store"))
			return []string{"GOCACHE_ACTION_STORE=" + (&url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(root, "/")}).String(), "DIRSTORE=" + root}
		},
		"s3": func(t *testing.T, env *testscript.Env) []string {
			bucket := strings.ToLower(filepath.Base(env.WorkDir))
			gateway.Bucket(t, bucket)
			return append(gateway.Env(), "GOCACHE_ACTION_STORE="+gateway.URL(bucket, "some/prefix"))
		},
		"actions": func(t *testing.T, _ *testscript.Env) []string {
			server := actionstest.New(t)
			return []string{
				"GOCACHE_ACTION_STORE=actions", "GITHUB_ACTIONS=true", "GITHUB_SERVER_URL=https://github.com",
				"ACTIONS_RESULTS_URL=" + server.URL, "GITHUB_API_URL=" + strings.TrimSuffix(server.URL, "/"), "GITHUB_TOKEN=" + actionstest.Manager,
				"ACTIONS_RUNTIME_TOKEN=" + actionstest.Branch("refs/heads/main", "refs/heads/main"), "BRANCHTOKEN=" + actionstest.Branch("refs/heads/feature", "refs/heads/main"),
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			testscript.Run(t, testscript.Params{
				Dir: "testdata/stores", RequireExplicitExec: true, RequireUniqueNames: true,
				Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "tree": tree, "count": count, "stdlib": stdlib},
				Setup: func(env *testscript.Env) error {
					err := setup(env, proxy.URL)
					env.Vars = append(env.Vars,
						"GITHUB_REPOSITORY="+actionstest.Repo, "GOCACHE_ACTION_REPO=github.com/"+actionstest.Repo,
						"GOCACHE_ACTION_SCOPE=refs/heads/main", "GOCACHE_ACTION_DEFAULT_SCOPE=refs/heads/main", "GOCACHE_ACTION_NAME=test", "GOCACHE_ACTION_SUMMARY=off")
					env.Vars = append(env.Vars, vars(t, env)...)
					return err
				},
				Condition: func(cond string) (bool, error) { return cond == name, nil },
			})
		})
	}
}
