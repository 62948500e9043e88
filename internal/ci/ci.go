// Package ci finds out whose snapshot a job works on: from the environment of GitHub Actions,
// GitLab CI and other systems, and from git. It says which repository and ref a job builds, and
// whether the job may write what others read. It reads documented variables only, through a
// function.
package ci

// Env returns a variable, or "".
type Env func(name string) string

// A Job is what a system says about a job; any field may be "".
type Job struct {
	System  string // for people
	Name    string // of the job
	Remote  string // URL of the repository
	Branch  string
	Tag     string
	Pull    string // number of the pull request
	Base    string // branch into which it goes
	Default string // branch of the repository
	Fork    bool   // the pull request is known to come from elsewhere
	Commit  string
	Run     string
}

// Scope is the ref whose code the job runs, "" if the system does not say. A pull request has a
// scope of its own, whichever branch the system names beside it.
func (j Job) Scope() string {
	switch {
	case j.Pull != "":
		return "refs/pull/" + j.Pull + "/merge"
	case j.Tag != "":
		return "refs/tags/" + j.Tag
	case j.Branch != "":
		return "refs/heads/" + j.Branch
	}
	return ""
}

// ReadOnlyReason says why a save of the job must write nothing, "" if it may.
func (j Job) ReadOnlyReason() string {
	if j.Fork {
		return j.System + " says that the pull request comes from a fork"
	}
	return ""
}

// Find recognises a system by a variable of its own. ok is false if no known system is found.
func Find(env Env) (job Job, ok bool) {
	for _, s := range systems {
		if v := env(s.marker); v != "" && (s.value == "" || v == s.value) {
			job = s.read(env)
			job.System = s.name
			for _, f := range []*string{&job.Pull, &job.Tag, &job.Branch, &job.Base} {
				*f = given(*f)
			}
			return job, true
		}
	}
	return Job{}, false
}

// given drops the words that some systems write for nothing.
func given(v string) string {
	if v == "false" || v == "null" {
		return ""
	}
	return v
}
