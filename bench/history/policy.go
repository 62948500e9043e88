package main

import (
	"context"
	"time"

	"github.com/org/gocache-action/internal/moduleuse"
	"github.com/org/gocache-action/keys"
)

// Names of the policies, in the order in which they run.
const (
	prefixName  = "prefix"
	gocacheName = "gocache"
	dailyName   = "gocache daily"
	setupGoName = "setup-go"
)

// atRelease is embedded in policies that run at the dates of the releases.
type atRelease struct{}

func (atRelease) when(rel release, _ int) time.Time { return rel.Time }

// moment is one CI run, with what is known before it starts.
type moment struct {
	release
	clock
	keys  keys.Plan          // of the module files
	asker *moduleuse.Project // tells which modules are used
	sum   string             // SHA-256 of go.sum
}

// policy is a way to keep caches between runs. restore and save work with the times of the history.
type policy interface {
	name() string
	// when returns the date of run i (from 0) of a release.
	when(rel release, i int) time.Time
	// restore fills the empty caches. It returns how good the match was, and how many stored bytes
	// it read.
	restore(context.Context, moment) (restored, error)
	// beforeJob is called when the caches have the times of the machine.
	beforeJob() error
	// save saves the caches. It returns how many stored bytes it added.
	save(context.Context, moment) (saved, error)
}

// Kinds of matches: the same module files, the newest snapshot of other ones, nothing.
const (
	matchExact = "exact"
	matchOlder = "older"
	matchNone  = "none"
)

type restored struct {
	Match   string `json:"match"`
	Fetched int64  `json:"fetched"` // stored bytes, modules included
}

type saved struct {
	Uploaded int64 `json:"uploaded"` // stored bytes, modules included
	Snapshot int64 `json:"snapshot"` // stored bytes of what the next run would fetch
	Store    int64 `json:"store"`    // stored bytes of everything saved and not removed
	Trimmed  int   `json:"trimmed"`  // build entries
	Dropped  int   `json:"dropped"`  // module versions
	Removed  int64 `json:"removed"`  // stored bytes that garbage collection removed
	// stored bytes, part of Store, that no manifest names and whose notice period is not over
	Waiting int64 `json:"waiting"`
}
