package main

import (
	"cmp"
	"fmt"

	"github.com/org/gocache-action/internal/ci"
)

// Where parts of an identity come from, that were made up.
const (
	fromPlace    = "made up from the directory"
	fromDetached = "not known, as HEAD is detached"
	fromUnknown  = "not known, as there is no branch"
)

// fromOther reads the systems of package ci.
func fromOther(env lookupEnv) identity {
	job, ok := ci.Find(env.get)
	if !ok {
		return identity{}
	}
	return identity{Name: job.Name, Repo: repoName(job.Remote), Scope: job.Scope(), BaseScope: branch(job.Base),
		DefaultScope: branch(job.Default), Commit: job.Commit, Run: job.Run}
}

// otherReadOnlyReason is readOnlyReason on those systems.
func otherReadOnlyReason(env lookupEnv) string {
	if onGitHub(env) || onGitLab(env) {
		return ""
	}
	job, _ := ci.Find(env.get)
	return job.ReadOnlyReason()
}

// unknownScopeReason: who does not know whose code it runs writes nothing that others read. A directory without a repository is
// that of a person, unless a CI system says otherwise.
func unknownScopeReason(env lookupEnv, id identity) string {
	onCI := env.get("CI") != "" && env.get("CI") != "false"
	if id.ScopeFrom == fromDetached || id.ScopeFrom == fromUnknown && onCI {
		return "the scope is " + id.ScopeFrom + "; --scope says whose it is"
	}
	return ""
}

// origins says where repository and scope come from.
func (a *app) origins(dir string, git gitInfo) (repo, scope string) {
	system := "GitHub Actions"
	if onGitLab(a.lookup) {
		system = "GitLab CI"
	}
	if job, ok := ci.Find(a.lookup.get); ok && !onGitHub(a.lookup) && !onGitLab(a.lookup) {
		system = job.System
	}
	known := fromCI(a.lookup, dir)
	from := func(flag, ci, git, madeUp string) string {
		switch {
		case flag != "":
			return "flag"
		case ci != "":
			return system
		case git != "":
			return "git"
		}
		return madeUp
	}
	nowhere := fromUnknown
	if git.Commit != "" && git.Branch == "" {
		nowhere = fromDetached
	}
	return from(a.flags.identity.Repo, known.Repo, repoName(git.Remote), fromPlace), from(a.flags.identity.Scope, known.Scope, git.Branch, nowhere)
}

// announce notes what was made up in a repository, where something better is usual.
func (p *project) announce() {
	if p.id.ScopeFrom == fromDetached {
		p.key.Notes = append(p.key.Notes, fmt.Sprintf("scope %s: %s (--scope says whose it is)", cmp.Or(p.id.Scope, fallbackScope), fromDetached))
	}
}
