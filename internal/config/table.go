package config

import "time"

const storeHelp = "s3://bucket/prefix?region=R&endpoint=URL&path-style=true, file:///dir, the path of " +
	"a directory, https://host/prefix for reading only, or actions for the cache that GitHub gives " +
	"each repository"

func duration(f field[time.Duration]) func(*Config) Value {
	return func(c *Config) Value { return durationValue{f(c)} }
}

// jobOptions is the table of all commands but the proxy. The reasons for some defaults:
//
//   - Zips are omitted: rebuilding them writes each module a second time (measured: 8 % of the time
//     of a restore on a fast disk, and as much disk space as the trees), and of all go commands only
//     `go mod download` misses them.
//   - 14 days suit a weekly job that runs only after the next save of other jobs: 7 days, and as
//     many again in case a run is late or fails. Of these, 2 may be lost to a recorded use that is a
//     day old and to clocks that are a day apart.
//   - With the 35 days of gc, a monthly job still finds its snapshot. Signed snapshots may be as old;
//     a snapshot that is in use is written at least once a day.
//   - The 24 hours of grace are far longer than any save; with a gc every day, garbage lies in the
//     store for two days.
var jobOptions = []Option{
	{
		Name: "store", Commands: projects | GC | looks | Proxy | Prefetch | Bundle | Stats | Doctor, Group: Common,
		Origin: "actions in jobs of GitHub, else a directory in the user's cache",
		Help:   "where snapshots are kept: " + storeHelp,
		value:  text(func(c *Config) *string { return &c.Store }),
	},
	{
		Name: "name", Commands: projects | Mtimes, Group: Common,
		Origin: `from CI, else "default"`,
		Help:   "name of the job, part of the key",
		value:  text(func(c *Config) *string { return &c.Name }),
	},
	{
		Name: "dir", Commands: projects | Try | Mtimes, Group: Common,
		Default: ".",
		Help:    "directory of the project",
		value:   text(func(c *Config) *string { return &c.Dir }),
	},
	{
		Name: "dir", Commands: Trim | Stats, Group: Common,
		Default: ".",
		Help:    "directory in which the go command is asked for its caches",
		value:   text(func(c *Config) *string { return &c.Dir }),
	},
	{
		Name: "dir", Commands: Doctor, Group: Common,
		Default: ".",
		Help:    "directory that is looked at: that of a project, or any other",
		value:   text(func(c *Config) *string { return &c.Dir }),
	},
	{
		Name: "check", Commands: Doctor, Group: Outcome,
		NoVariable: true,
		Origin:     "all",
		Help:       "names of checks to run, such as proxy,private; may be repeated, or a list with commas",
		value:      func(c *Config) Value { return listValue{to: &c.Checks, kind: "names"} },
	},
	{
		Name: "write-probe", Commands: Doctor, Group: Outcome,
		NoVariable: true,
		Help:       "also write an object to the store, read it, and remove it",
		value:      toggle(func(c *Config) *bool { return &c.WriteProbe }),
	},
	{
		Name: "path", Commands: jobs, Group: Common,
		Help: "another directory to restore and save, such as ~/.cache/golangci-lint; may be " +
			"repeated, or a list with commas",
		value: func(c *Config) Value { return listValue{to: &c.Paths, kind: "dirs"} },
	},
	{
		Name: "max-age", Commands: Save | Plan | Trim | Stats, Group: Common,
		Default: "14d",
		Help:    "drop what has not been used for this long; 0: never",
		value:   duration(func(c *Config) *time.Duration { return &c.MaxAge }),
	},
	{
		Name: "max-age", Commands: GC, Group: Common,
		Default: "35d",
		Help: "remove snapshots that were not saved, and unnamed modules that were not used, for " +
			"this long; 0: never",
		value: duration(func(c *Config) *time.Duration { return &c.MaxAge }),
	},
	{
		Name: "max-size", Commands: Save | Plan | Trim | Stats, Group: Common,
		Default: "0",
		Help: "size on disk above which what has not been used for longest is dropped, such as 4GiB" +
			" or modules=1GiB,build=3GiB; 0: no bound",
		value: func(c *Config) Value { return sizesValue{&c.MaxSize} },
	},
	{
		Name: "read-only", Commands: Save | Plan, Group: Common,
		Help:  "write nothing to the store",
		value: toggle(func(c *Config) *bool { return &c.ReadOnly }),
	},
	{
		Name: "timeout", Commands: projects | looks, Group: Common,
		Default: "10m",
		Help:    "give up after this time; 0: never",
		value:   duration(func(c *Config) *time.Duration { return &c.Timeout }),
	},
	{
		Name: "timeout", Commands: GC, Group: Common,
		Default: "0",
		Help:    "stop after this time, and leave the rest to the next gc; 0: never",
		value:   duration(func(c *Config) *time.Duration { return &c.Timeout }),
	},
	{
		Name: "fail-on-error", Commands: Restore | Save, Group: Common,
		Help:  "exit with 1 after an error, instead of warning",
		value: toggle(func(c *Config) *bool { return &c.FailOnError }),
	},
	{
		Name: "summary", Commands: Restore | Save, Group: Common,
		Origin: "the summary of the job on GitHub",
		Help:   "file to which a summary in Markdown is added, or off",
		value:  text(func(c *Config) *string { return &c.Summary }),
	},

	{
		Name: "repo", Commands: projects | GC | looks | Stats, Group: Identity,
		Origin: "from CI or git",
		Help:   "repository, such as github.com/org/name",
		value:  text(func(c *Config) *string { return &c.Repo }),
	},
	{
		Name: "scope", Commands: projects, Group: Identity,
		Origin: "from CI or git",
		Help:   "ref that the snapshot belongs to, such as refs/heads/main",
		value:  text(func(c *Config) *string { return &c.Scope }),
	},
	{
		Name: "base-scope", Commands: projects, Group: Identity,
		Origin: "from CI",
		Help:   "second ref to look in, such as the base of a pull request",
		value:  text(func(c *Config) *string { return &c.BaseScope }),
	},
	{
		Name: "default-scope", Commands: projects, Group: Identity,
		Origin: "from CI or git",
		Help:   "last ref to look in, such as the default branch",
		value:  text(func(c *Config) *string { return &c.DefaultScope }),
	},
	{
		Name: "go-sum", Commands: projects, Group: Identity,
		Origin: "all that decide what is built",
		Help: "module files from which the key is made, relative to the project, such as " +
			"go.sum,tools/**/go.sum",
		value: func(c *Config) Value { return patternsValue(&c.GoSum) },
	},
	{
		Name: "key-extra", Commands: projects, Group: Identity,
		Help: "what else makes a build cache a different one, such as the image of the job or the version of " +
			"a library in C: part of the key; modules stay shared; may be repeated, or have several lines",
		value: func(c *Config) Value { return extrasValue{&c.KeyExtra} },
	},
	{
		Name: "matrix", Commands: projects | Mtimes, Group: Identity,
		NoFlag: true,
		Help: "tells the jobs of a matrix apart in the default name on GitHub: ${{ toJSON(matrix) " +
			"}}",
		value: text(func(c *Config) *string { return &c.Matrix }),
	},

	{
		Name: "no-modules", Commands: jobs | Trim | Stats, Group: Content,
		Help:  "leave GOMODCACHE alone",
		value: toggle(func(c *Config) *bool { return &c.NoModules }),
	},
	{
		Name: "no-build", Commands: jobs | Trim | Stats, Group: Content,
		Help:  "leave GOCACHE alone",
		value: toggle(func(c *Config) *bool { return &c.NoBuild }),
	},
	{
		Name: "no-toolchains", Commands: jobs | Trim | Stats, Group: Content,
		Help:  "leave downloaded Go toolchains alone",
		value: toggle(func(c *Config) *bool { return &c.NoToolchains }),
	},
	{
		Name: "fuzz", Commands: jobs, Group: Content,
		Help:  "include the corpus that fuzzing found",
		value: toggle(func(c *Config) *bool { return &c.Fuzz }),
	},
	{
		Name: "zips", Commands: Restore | Plan | Try, Group: Content,
		Default: ZipsOmit,
		Help:    "rebuild the zip of each module, for 'go mod download' offline, or omit it",
		value:   choice(func(c *Config) *string { return &c.Zips }, zipsChoices),
	},
	{
		Name: "stable-mtimes", Commands: Restore | Plan, Group: Content,
		Help: "give tracked files times that depend only on their content, so that test results " +
			"survive a checkout",
		value: toggle(func(c *Config) *bool { return &c.StableMtimes }),
	},
	{
		Name: "explain-miss", Commands: Plan, Group: Outcome,
		Help:       "say why the go command after -- (go test ./...) compiles again what a snapshot has",
		NoVariable: true,
		value:      toggle(func(c *Config) *bool { return &c.ExplainMiss }),
	},

	{
		Name: "fail-on-miss", Commands: Restore, Group: Outcome,
		Help:  "exit with 3 if the store has no snapshot; an outage is an error, not a miss",
		value: toggle(func(c *Config) *bool { return &c.FailOnMiss }),
	},
	{
		Name: "lookup-only", Commands: Restore, Group: Outcome,
		Help:  "say which snapshot there is, and restore nothing",
		value: toggle(func(c *Config) *bool { return &c.LookupOnly }),
	},
	{
		Name: "job-status", Commands: Save | Plan, Group: Outcome,
		Origin: "from CI, else success",
		Help:   "how the job ended: unless it succeeded, what it made is added and nothing is dropped",
		value: func(c *Config) Value {
			return choiceValue{to: &c.JobStatus, allowed: jobStatuses, aliases: gitlabStatuses}
		},
	},
	{
		Name: "default-branch-only", Commands: Save | Plan, Group: Outcome,
		Help:   "save in the scope of the default branch only; all other jobs just restore",
		NoFlag: true,
		value:  toggle(func(c *Config) *bool { return &c.DefaultBranchOnly }),
	},

	{
		Name: "role-to-assume", Commands: projects | GC | looks | Proxy | Prefetch | Bundle | Stats | Doctor, Group: Trust,
		Help: "ARN of a role that is assumed with the OIDC token of the job: from the runner on " +
			"GitHub, else in $" + TokenVariable,
		value: text(func(c *Config) *string { return &c.Role }),
	},
	{
		Name: "role-duration", Commands: projects | GC | looks | Proxy | Prefetch | Bundle | Stats | Doctor, Group: Trust,
		Default: "1h", NoFlag: true,
		Help: "how long the credentials of the role are valid, 15m to 12h, and not longer than the " +
			"role allows",
		value: duration(func(c *Config) *time.Duration { return &c.RoleDuration }),
	},
	{
		Name: "audience", Commands: projects, Group: Trust,
		Default: "sts.amazonaws.com", NoFlag: true,
		Help:  "audience of the OIDC token, where the runner issues it",
		value: text(func(c *Config) *string { return &c.Audience }),
	},
	{
		Name: "keep-credentials", Commands: projects | GC | looks | Proxy | Prefetch | Bundle | Stats | Doctor, Group: Trust,
		Help: "file in which restore leaves temporary credentials for save, when the token will no " +
			"longer be valid",
		value: text(func(c *Config) *string { return &c.KeepCredentials }),
	},
	{
		Name: "sse-c-key", Commands: projects | GC | looks | Proxy | Prefetch | Bundle | Stats | Doctor, Group: Trust,
		NoFlag: true, Secret: true,
		Help: "key of server-side encryption with a customer key (SSE-C), 32 bytes in base64; or " +
			"name a file with sse-c-key-file in the URL of the store",
		value: text(func(c *Config) *string { return &c.CustomerKey }),
	},
	{
		Name: "sign-key", Commands: Save | Plan, Group: Trust,
		NoFlag: true, Secret: true,
		Help:  "private key that signs the snapshot, or the file that holds it",
		value: text(func(c *Config) *string { return &c.SignKey }),
	},
	{
		Name: "trust-key", Commands: projects, Group: Trust,
		Origin: "snapshots need no signature",
		Help: "public key, or a file of public keys, one of which must have signed a snapshot; may " +
			"be repeated",
		value: func(c *Config) Value { return textsValue{to: &c.TrustKeys, kind: "key"} },
	},
	{
		Name: "trust-max-age", Commands: projects, Group: Trust,
		Default: "35d", NoFlag: true,
		Help:  "with trust-key: how old a signed snapshot may be; 0: any age",
		value: duration(func(c *Config) *time.Duration { return &c.TrustMaxAge }),
	},
	{
		Name: "save-private", Commands: Save | Plan, Group: Trust,
		Help: "save private modules, and build outputs that mention them, also in the cache that GitHub " +
			"gives a public repository, whose pull requests anybody can open",
		NoFlag: true,
		value:  toggle(func(c *Config) *bool { return &c.SavePrivate }),
	},
	{
		Name: "verify", Commands: Restore | Plan | Try, Group: Trust,
		Default: VerifyPacks,
		Help: "what of the build cache is hashed: packs, or also all outputs, including those that " +
			"are already on disk",
		value: choice(func(c *Config) *string { return &c.Verify }, verifyChoices),
	},
	{
		Name: "check-sumdb", Commands: Restore | Plan | Try, Group: Trust,
		Default: SumDBAuto,
		Help: "ask the checksum database about modules that are not in go.sum, such as tools and " +
			"toolchains: auto (unless a trusted key has signed the snapshot; only a warning if " +
			"the database does not answer), always, or off",
		value: choice(func(c *Config) *string { return &c.CheckSumDB }, sumDBChoices),
	},

	{
		Name: "scope", Commands: GC, Group: Cleaning,
		NoVariable: true, // or a job that sets its scope for restore and save would remove it
		Help: "remove the snapshots of this ref of the repository and nothing else, such as " +
			"refs/pull/7/merge of a pull request that is closed; in the cache of GitHub, all that is " +
			"stored for it",
		value: text(func(c *Config) *string { return &c.Scope }),
	},
	{
		Name: "grace", Commands: GC, Group: Cleaning,
		Default: "24h",
		Help: "remove unnamed objects only this long after they were noted, which must be longer " +
			"than any save takes; 0: at once, for a store that no job uses meanwhile",
		value: duration(func(c *Config) *time.Duration { return &c.Grace }),
	},
	{
		Name: "dry-run", Commands: GC | Trim, Group: Cleaning,
		Help:  "list what would be removed, and change nothing",
		value: toggle(func(c *Config) *bool { return &c.DryRun }),
	},
	{
		Name: "force", Commands: Trim, Group: Cleaning,
		Help: "do not check for running go commands, and do not spare what one that is not seen could " +
			"be using",
		value: toggle(func(c *Config) *bool { return &c.Force }),
	},

	{
		Name: "concurrency", Commands: jobs, Group: Transfer,
		Default: "0",
		Help:    "objects and parts in transfer at once; 0: the measured best",
		value:   func(c *Config) Value { return countValue{&c.Concurrency} },
	},
	{
		Name: "concurrency", Commands: GC | looks | Stats, Group: Transfer,
		Default: "0",
		Help:    "snapshots read at once; 0: 16",
		value:   func(c *Config) Value { return countValue{&c.Concurrency} },
	},
	{
		Name: "stall-timeout", Commands: projects | GC | looks | Proxy | Prefetch | Bundle | Stats | Doctor, Group: Transfer,
		Default: "30s",
		Help:    "give up on a connection on which nothing has moved for this long",
		value:   duration(func(c *Config) *time.Duration { return &c.StallTimeout }),
	},
	{
		Name: "state", Commands: jobs | Mtimes, Group: Transfer,
		Origin: "one for each project in the user's cache",
		Help:   "file in which restore leaves notes for save",
		value:  text(func(c *Config) *string { return &c.State }),
	},

	{
		Name: "json", Commands: all, Group: Printing,
		Help:  "print the result as JSON on stdout",
		value: toggle(func(c *Config) *bool { return &c.JSON }),
	},
	{
		Name: "quiet", Commands: all, Group: Printing,
		Help:  "print no progress and no table, or no line for each request; warnings stay",
		value: toggle(func(c *Config) *bool { return &c.Quiet }),
	},
	{
		Name: "debug", Commands: all, Group: Printing,
		Help:  "log each request, the store and the environment to stderr, without secrets",
		value: toggle(func(c *Config) *bool { return &c.Debug }),
	},
}

// TokenVariable holds the OIDC token of a job itself, as from id_tokens of GitLab, Buildkite and
// CircleCI. It is no option: only roles need it.
const TokenVariable = variablePrefix + "ID_TOKEN"
