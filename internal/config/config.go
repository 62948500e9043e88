// Package config is what users can set. Config has a typed field for each setting, and one table,
// Options, says of each setting how it is called, what it means, which commands take it and what it
// is without being set. Flags, environment variables and the inputs of the action fill the same
// fields by the same table, and the help, action.yml and the reference are generated from it.
//
// Nothing here reads the environment, a file or the clock: text comes in, values and typed errors
// go out.
package config

import (
	"errors"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/usage"
)

// Config holds all settings of one command. The fields of those that the command does not take have
// their zero values.
type Config struct {
	JSON, Quiet, Debug bool

	Dir   string // of the project
	Store string // URL or path; "" is a directory in the user's cache
	State string // file between restore and save

	// Whose snapshot is meant. What is empty comes from the CI system, or from git.
	Name, Repo, Scope, BaseScope, DefaultScope string
	Matrix                                     string // JSON, for the name of a job on GitHub
	GoSum                                      []string
	KeyExtra                                   []string // part of the key of the build cache

	NoModules, NoBuild, NoToolchains, Fuzz bool
	Paths                                  []string
	Zips                                   string // ZipsOmit or ZipsRebuild
	StableMtimes                           bool
	ExplainMiss                            bool

	LookupOnly              bool
	Verify                  string // VerifyPacks or VerifyOutputs
	CheckSumDB              string // SumDBAuto, SumDBAlways or SumDBOff
	FailOnError, FailOnMiss bool
	Summary                 string // file, or SummaryOff
	Timeout, StallTimeout   time.Duration
	Concurrency             int // 0: as measured to be best
	Role, Audience          string
	RoleDuration            time.Duration
	KeepCredentials         string // file
	EnvFile                 string // of run
	TrustKeys               []string
	TrustMaxAge             time.Duration
	SignKey                 string // the key itself, or the name of a file
	CustomerKey             string // of SSE-C, in base64
	MaxAge                  time.Duration
	MaxSize                 Sizes
	JobStatus               string // one of JobStatuses, or ""
	ReadOnly                bool
	DefaultBranchOnly       bool
	SavePrivate             bool // also where anybody could read them
	DryRun, Force           bool
	Grace                   time.Duration
	Checks                  []string // names of those of doctor; nil: all
	WriteProbe              bool
	NoVCS                   bool // ask no repository
	Proxy                   ProxyConfig
	Fix                     bool
	Resume                  string // file
	Watch                   WatchConfig
	Stats                   StatsConfig
	Rebuild                 RebuildConfig
	Look                    LookConfig
}

// Values of settings that are one of a few words.
const (
	ZipsOmit, ZipsRebuild = "omit", "rebuild"

	VerifyPacks, VerifyOutputs = "packs", "outputs"

	SumDBAuto, SumDBAlways, SumDBOff = "auto", "always", "off"

	// JobSuccess, JobFailure and JobCancelled are spelled as in ${{ job.status }} of GitHub.
	JobSuccess, JobFailure, JobCancelled = "success", "failure", "cancelled"

	SummaryOff = "off"
)

// What the services allow, and what is usual. The limits of a role are those of AWS STS.
const (
	MinRoleDuration, MaxRoleDuration = 15 * time.Minute, 12 * time.Hour

	minStallTimeout = time.Second
)

var (
	zipsChoices   = []string{ZipsRebuild, ZipsOmit}
	verifyChoices = []string{VerifyPacks, VerifyOutputs}
	sumDBChoices  = []string{SumDBAuto, SumDBAlways, SumDBOff}
	jobStatuses   = []string{JobSuccess, JobFailure, JobCancelled}
)

// gitlabStatuses translates what GitLab has in CI_JOB_STATUS.
var gitlabStatuses = map[string]string{"failed": JobFailure, "canceled": JobCancelled, "canceling": JobCancelled}

// Check refuses what makes no sense although each value can be read.
func (c *Config) Check() error {
	if err := errors.Join(c.Proxy.check(), c.Watch.check()); err != nil {
		return err
	}
	switch {
	case c.StallTimeout != 0 && c.StallTimeout < minStallTimeout:
		return usage.Errorf("invalid value %s for --stall-timeout: want 1s or more", quantity.Duration(c.StallTimeout))
	case c.Role == "":
		return nil
	case !strings.HasPrefix(c.Role, "arn:"):
		return usage.Errorf("invalid value %q for --role-to-assume: want an ARN such as arn:aws:iam::123456789012:role/cache", c.Role)
	case c.RoleDuration < MinRoleDuration || c.RoleDuration > MaxRoleDuration:
		return usage.Errorf("invalid value %s for $%s: want 15m to 12h", quantity.Duration(c.RoleDuration), Variable("role-duration"))
	}
	return nil
}
