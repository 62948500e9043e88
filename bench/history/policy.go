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

// atRelease is for policies that run at the dates of the releases.
type atRelease struct{}

func (atRelease) when(rel release, _ int) time.Time { return rel.Time }

// moment is one CI run, before it is known what it does.
type moment struct {
	release
	clock
	keys  keys.Plan          // of the module files
	asker *moduleuse.Project // tells which modules are used
	sum   string             // SHA-256 of go.sum
}

// policy is a way to keep caches between runs. Both methods work with the times of the history.
type policy interface {
	name() string
	// when is the date of run i, from 0, of a release.
	when(rel release, i int) time.Time
	// restore fills the empty caches. It returns how good the match was, and the stored bytes that
	// it read.
	restore(context.Context, moment) (restored, error)
	// beforeJob is called when the caches have the times of the machine.
	beforeJob() error
	// save keeps the caches. It returns the stored bytes that it added.
	save(context.Context, moment) (saved, error)
}

// Matches: the same module files, the newest of other ones, nothing.
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
	Store    int64 `json:"store"`    // stored bytes of everything that was saved and is not removed
	Trimmed  int   `json:"trimmed"`  // build entries
	Dropped  int   `json:"dropped"`  // module versions
	Removed  int64 `json:"removed"`  // stored bytes that garbage collection removed
	// stored bytes, part of Store, that no manifest names and that have their notice period
	Waiting int64 `json:"waiting"`
}
