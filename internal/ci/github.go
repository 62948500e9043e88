package ci

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/org/gocache-action/internal/samedir"
)

// OnGitHub reports whether this is a job of GitHub Actions, or of Gitea and Forgejo, which set the
// same variables.
func OnGitHub(env Env) bool { return env("GITHUB_ACTIONS") == "true" }

// fromGitHub: https://docs.github.com/en/actions/reference/workflows-and-actions/variables
func fromGitHub(env Env, dir, matrix string) Identity {
	event, _ := readGitHubEvent(env)
	id := Identity{
		Name:         join("/", env("GITHUB_WORKFLOW"), env("GITHUB_JOB"), matrixName(matrix), workDirName(env, dir)),
		Scope:        env("GITHUB_REF"),
		BaseScope:    branch(env("GITHUB_BASE_REF")),
		DefaultScope: branch(event.Repository.DefaultBranch),
		Commit:       env("GITHUB_SHA"),
		Run:          env("GITHUB_RUN_ID"),
	}
	if event.MergeGroup.BaseRef != "" {
		id.BaseScope = event.MergeGroup.BaseRef
	}
	if repo := env("GITHUB_REPOSITORY"); repo != "" {
		server := env("GITHUB_SERVER_URL")
		if server == "" {
			server = "https://github.com"
		}
		id.Repo = repoName(strings.TrimRight(server, "/") + "/" + repo)
	}
	return id
}

// maxMatrixName is how many bytes of a matrix a name shows. Longer ones become a hash, since the
// length of object names is limited.
const maxMatrixName = 100

// matrixName tells the jobs of a matrix apart, which all have the same GITHUB_JOB. The values come
// from ${{ toJSON(matrix) }}, the only place that has them. They are sorted, so that their order in
// the workflow does not matter.
func matrixName(text string) string {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber() // 1.10 is no 1.1
	var values map[string]any
	if dec.Decode(&values) != nil || len(values) == 0 {
		return "" // no matrix is null
	}
	var list []string
	for _, k := range slices.Sorted(maps.Keys(values)) {
		list = append(list, k+"="+matrixValue(values[k]))
	}
	name := strings.Join(list, ",")
	if len(name) > maxMatrixName {
		return "matrix-" + ShortHash(name)
	}
	return name
}

// matrixValue prints scalars as they are and the rest as JSON.
func matrixValue(v any) string {
	switch v.(type) {
	case map[string]any, []any:
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		enc.Encode(v)
		return strings.TrimSpace(b.String())
	}
	return fmt.Sprint(v)
}

// workDirName tells two projects of one job apart, so that each has its own latest snapshot. It is
// "" at the root of the checkout.
func workDirName(env Env, dir string) string {
	root := env("GITHUB_WORKSPACE")
	if root == "" {
		return ""
	}
	rel, ok := samedir.Within(dir, root) // as the workflow calls it, also where that is a link
	if !ok {
		var err error
		if rel, err = filepath.Rel(root, dir); err != nil {
			return ""
		}
	}
	if rel == "." {
		return ""
	}
	return filepath.ToSlash(rel)
}

// A githubEvent is the part of a webhook payload that is used here.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads
type githubEvent struct {
	Repository struct {
		FullName      string `json:"full_name"`
		DefaultBranch string `json:"default_branch"`
		Visibility    string `json:"visibility"`
		Private       *bool  `json:"private"`
	} `json:"repository"`
	PullRequest *struct {
		Merged     bool `json:"merged"`
		Head, Base struct {
			Repo *struct { // null once the repository is deleted
				FullName string `json:"full_name"`
			} `json:"repo"`
		}
	} `json:"pull_request"`
	MergeGroup struct {
		BaseRef string `json:"base_ref"`
	} `json:"merge_group"`
	WorkflowRun *struct {
		Event          string `json:"event"`
		HeadBranch     string `json:"head_branch"`
		HeadRepository *struct {
			FullName string `json:"full_name"`
		} `json:"head_repository"`
	} `json:"workflow_run"`
	Issue struct {
		// there is one if the issue is a pull request
		PullRequest json.RawMessage `json:"pull_request"`
	} `json:"issue"`
}

// readGitHubEvent reads the payload. ok reports whether there is one and it could be parsed.
func readGitHubEvent(env Env) (event githubEvent, ok bool) {
	data, err := os.ReadFile(env("GITHUB_EVENT_PATH"))
	if err != nil || json.Unmarshal(data, &event) != nil {
		return githubEvent{}, false
	}
	return event, true
}

// githubReadOnlyReason is ReadOnlyReason on GitHub. GITHUB_REF names the scope, but some events run
// with the ref of the default branch (and its secrets) for code from elsewhere, which their
// workflows then check out. No flag overrides this. A bucket policy should enforce it too: a job
// can run anything, including another gocache.
func githubReadOnlyReason(env Env) string {
	if !OnGitHub(env) {
		return ""
	}
	event, ok := readGitHubEvent(env)
	name := env("GITHUB_EVENT_NAME")
	switch name {
	case "pull_request", "pull_request_review", "pull_request_review_comment":
		return forkReason(event, ok)
	case "pull_request_target":
		return "pull_request_target runs in the scope of the base, often with code of the pull request"
	case "workflow_run":
		return workflowRunReason(event, ok)
	case "issue_comment":
		if len(event.Issue.PullRequest) > 0 || !ok {
			return "a comment on a pull request runs in the scope of the default branch"
		}
	case "check_run", "check_suite", "status":
		return name + " runs in the scope of the default branch for commits of any branch"
	case "merge_group":
		return "the branch of a merge queue is built once, so nobody would restore it"
	}
	return ""
}

// forkReason: a pull request has its own scope, refs/pull/N/merge, but anyone may open one from a
// fork.
func forkReason(event githubEvent, ok bool) string {
	pr := event.PullRequest
	switch {
	case !ok || pr == nil || pr.Base.Repo == nil:
		return "the event does not say where the pull request comes from"
	case pr.Head.Repo == nil:
		return "the pull request comes from a fork, which is deleted"
	case pr.Head.Repo.FullName != pr.Base.Repo.FullName:
		return "the pull request comes from a fork, " + pr.Head.Repo.FullName
	}
	return ""
}

// githubNoSecretsReason is NoSecretsReason on GitHub, which treats pull requests of Dependabot as
// those from forks (docs.github.com: Troubleshooting Dependabot on GitHub Actions).
func githubNoSecretsReason(env Env) string {
	event, ok := readGitHubEvent(env)
	switch env("GITHUB_EVENT_NAME") {
	case "pull_request", "pull_request_review", "pull_request_review_comment":
	default:
		return ""
	}
	switch pr := event.PullRequest; {
	case env("GITHUB_ACTOR") == "dependabot[bot]":
		return "the pull request is one of Dependabot"
	case !ok || pr == nil || pr.Base.Repo == nil: // nobody knows
		return ""
	}
	return forkReason(event, ok)
}

// githubPullRequest is forPullRequest on GitHub.
func githubPullRequest(env Env) bool {
	event, ok := readGitHubEvent(env)
	switch env("GITHUB_EVENT_NAME") {
	case "pull_request", "pull_request_review", "pull_request_review_comment":
		return !ok || event.PullRequest == nil || !event.PullRequest.Merged
	}
	return false
}

// workflowRunReason: such a workflow runs in the scope of the default branch after any other
// workflow. Only runs on the default branch itself are trusted as much as that branch.
func workflowRunReason(event githubEvent, ok bool) string {
	run := event.WorkflowRun
	switch {
	case !ok || run == nil || run.HeadRepository == nil:
		return "the event does not say what the workflow run was about"
	case run.HeadRepository.FullName != event.Repository.FullName:
		return "the workflow run was about a fork, " + run.HeadRepository.FullName
	case run.Event == "pull_request" || run.Event == "pull_request_target":
		return "the workflow run was about a pull request"
	case run.HeadBranch != event.Repository.DefaultBranch:
		return "the workflow run was about another branch, " + run.HeadBranch
	}
	return ""
}

// MayAskForToken reports whether the job can ask GitHub for tokens that say which job it is: it
// needs the permission id-token: write.
func MayAskForToken(env Env) bool {
	return env("ACTIONS_ID_TOKEN_REQUEST_URL") != "" && env("ACTIONS_ID_TOKEN_REQUEST_TOKEN") != ""
}
