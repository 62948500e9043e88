package main

import (
	"fmt"

	"github.com/org/gocache-action/internal/ci"
)

// Where parts of an identity come from that no flag, no CI system and no repository names.
const (
	fromFlag     = "flag"
	fromGit      = "git"
	fromPlace    = "made up from the directory"
	fromDefault  = "default"
	fromDetached = "not known, as HEAD is detached"
	fromUnknown  = "not known, as there is no branch"
)

// origins says where each part of an identity comes from; "" is a part that it does not have.
type origins struct {
	Name         string `json:"name"`
	Repo         string `json:"repo"`
	Scope        string `json:"scope"`
	BaseScope    string `json:"baseScope,omitempty"`
	DefaultScope string `json:"defaultScope,omitempty"`
}

// A source is a place that knows parts of an identity.
type source struct {
	name string
	identity
}

// identify takes each part from the first source that has it.
func identify(sources ...source) identity {
	var id identity
	for _, s := range sources {
		before := id
		id = id.or(s.identity)
		for _, part := range []struct {
			was, is string
			from    *string
		}{
			{before.Name, id.Name, &id.From.Name}, {before.Repo, id.Repo, &id.From.Repo}, {before.Scope, id.Scope, &id.From.Scope},
			{before.BaseScope, id.BaseScope, &id.From.BaseScope}, {before.DefaultScope, id.DefaultScope, &id.From.DefaultScope},
		} {
			if part.was == "" && part.is != "" {
				*part.from = s.name
			}
		}
	}
	return id
}

// String lists the origins for people.
func (o origins) String() string {
	text := fmt.Sprintf("name: %s; repo: %s; scope: %s", o.Name, o.Repo, o.Scope)
	if o.BaseScope != "" {
		text += "; base: " + o.BaseScope
	}
	if o.DefaultScope != "" {
		text += "; default branch: " + o.DefaultScope
	}
	return text
}

// unknownScope says why no source has a scope.
func unknownScope(git gitInfo) string {
	if git.Commit != "" && git.Branch == "" {
		return fromDetached
	}
	return fromUnknown
}

// ciSource reads what CI systems say in the environment about a job in a directory; it is empty
// elsewhere.
func ciSource(env lookupEnv, dir string) source {
	switch {
	case onGitHub(env):
		return source{githubName(env), fromGitHub(env, dir)}
	case onGitLab(env):
		return source{"GitLab CI", fromGitLab(env)}
	}
	job, ok := ci.Find(env.get)
	if !ok {
		return source{}
	}
	return source{job.System, identity{
		Name: job.Name, Repo: repoName(job.Remote), Scope: job.Scope(), BaseScope: branch(job.Base),
		DefaultScope: branch(job.Default), Commit: job.Commit, Run: job.Run,
	}}
}

// githubName: Gitea and Forgejo set the variables of GitHub beside one of their own.
func githubName(env lookupEnv) string {
	for _, other := range [][2]string{{"FORGEJO_ACTIONS", "Forgejo Actions"}, {"GITEA_ACTIONS", "Gitea Actions"}} {
		if env.get(other[0]) == "true" {
			return other[1]
		}
	}
	return "GitHub Actions"
}

// otherReadOnlyReason is readOnlyReason on the systems of package ci.
func otherReadOnlyReason(env lookupEnv) string {
	if onGitHub(env) || onGitLab(env) {
		return ""
	}
	job, _ := ci.Find(env.get)
	return job.ReadOnlyReason()
}

// unknownScopeReason: who does not know whose code it runs writes nothing that others read. A
// directory without a repository is that of a person, unless a CI system says otherwise.
func unknownScopeReason(env lookupEnv, id identity) string {
	onCI := env.get("CI") != "" && env.get("CI") != "false"
	if id.From.Scope == fromDetached || id.From.Scope == fromUnknown && onCI {
		return "the scope is " + id.From.Scope + "; --scope says whose it is"
	}
	return ""
}

// announce notes what is not known in a repository, where something better is usual.
func (p *project) announce() {
	if p.id.From.Scope == fromDetached {
		p.key.Notes = append(p.key.Notes, fmt.Sprintf("scope %s: %s (--scope says whose it is)", p.id.Scope, fromDetached))
	}
}
