package config

import "time"

const storeHelp = "s3://bucket/prefix?region=R&endpoint=URL&path-style=true, " +
	"azblob://container/prefix?account=NAME, gs://bucket/prefix, file:///dir, the path of a directory, https://host/prefix for reading only, or actions for the cache that GitHub gives " +
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
		Name: "store", Commands: projects | GC | looks | Proxy | Prefetch | Bundle | Stats | Doctor | Env, Group: Common,
		Origin: "actions in GitHub jobs, else a directory below the user cache directory",
		Help:   "where snapshots are kept: " + storeHelp,
		value:  text(func(c *Config) *string { return &c.Store }),
	},
	{
		Name: "name", Commands: projects | Mtimes | Env, Group: Common,
		Origin: `from CI, else "default"`,
		Help:   "name of the job, part of the key",
		value:  text(func(c *Config) *string { return &c.Name }),
	},
	{
		Name: "dir", Commands: projects | Try | Mtimes | Env, Group: Common,
		Default: ".",
		Help:    "directory of the project",
		value:   text(func(c *Config) *string { return &c.Dir }),
	},
	{
		Name: "dir", Commands: Trim | Stats, Group: Common,
		Default: ".",
		Help:    "directory in which to run go env, which names the caches",
		value:   text(func(c *Config) *string { return &c.Dir }),
	},
	{
		Name: "dir", Commands: Doctor, Group: Common,
		Default: ".",
		Help:    "directory to examine, of a project or any other",
		value:   text(func(c *Config) *string { return &c.Dir }),
	},
	{
		Name: "check", Commands: Doctor, Group: Outcome,
		NoVariable: true,
		Origin:     "all",
		Help:       "checks to run, such as proxy,private; repeatable or comma-separated",
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
		Help: "another directory to restore and save, such as ~/.cache/golangci-lint; " +
			"repeatable or comma-separated",
		value: func(c *Config) Value { return listValue{to: &c.Paths, kind: "dirs"} },
	},
	{
		Name: "max-age", Commands: Save | Run | Plan | Trim | Stats, Group: Common,
		Default: "14d",
		Help:    "drop what has not been used for this long; 0: never",
		value:   duration(func(c *Config) *time.Duration { return &c.MaxAge }),
	},
	{
		Name: "max-age", Commands: GC, Group: Common,
		Default: "35d",
		Help: "remove snapshots that were not saved, and modules that no snapshot names and " +
			"nobody used, for this long; 0: never",
		value: duration(func(c *Config) *time.Duration { return &c.MaxAge }),
	},
	{
		Name: "max-size", Commands: Save | Run | Plan | Trim | Stats, Group: Common,
		Default: "0",
		Help: "size on disk above which what was used least recently is dropped, such as 4GiB " +
			"or modules=1GiB,build=3GiB; 0: no limit",
		value: func(c *Config) Value { return sizesValue{&c.MaxSize} },
	},
	{
		Name: "read-only", Commands: Save | Run | Plan | Env, Group: Common,
		Help:  "write nothing to the store",
		value: toggle(func(c *Config) *bool { return &c.ReadOnly }),
	},
	{
		Name: "timeout", Commands: projects | looks | Env, Group: Common,
		Default: "10m",
		Help:    "give up after this time; 0: never",
		value:   duration(func(c *Config) *time.Duration { return &c.Timeout }),
	},
	{
		Name: "timeout", Commands: GC, Group: Common,
		Default: "0",
		Help:    "stop after this time and leave the rest to the next gc; 0: never",
		value:   duration(func(c *Config) *time.Duration { return &c.Timeout }),
	},
	{
		Name: "fail-on-error", Commands: Restore | Save | Run | Env, Group: Common,
		Help:  "exit with 1 after an error, instead of only warning",
		value: toggle(func(c *Config) *bool { return &c.FailOnError }),
	},
	{
		Name: "summary", Commands: Restore | Save | Run, Group: Common,
		Origin: "the job summary on GitHub",
		Help:   "file to append a summary in Markdown to, or off",
		value:  text(func(c *Config) *string { return &c.Summary }),
	},

	{
		Name: "repo", Commands: projects | GC | looks | Stats | Env, Group: Identity,
		Origin: "from CI or git",
		Help:   "repository, such as github.com/org/name",
		value:  text(func(c *Config) *string { return &c.Repo }),
	},
	{
		Name: "scope", Commands: projects | Env, Group: Identity,
		Origin: "from CI or git",
		Help:   "ref that the snapshot belongs to, such as refs/heads/main",
		value:  text(func(c *Config) *string { return &c.Scope }),
	},
	{
		Name: "base-scope", Commands: projects | Env, Group: Identity,
		Origin: "from CI",
		Help:   "ref to search second, such as the base of a pull request",
		value:  text(func(c *Config) *string { return &c.BaseScope }),
	},
	{
		Name: "default-scope", Commands: projects | Env, Group: Identity,
		Origin: "from CI or git",
		Help:   "ref to search last, such as the default branch",
		value:  text(func(c *Config) *string { return &c.DefaultScope }),
	},
	{
		Name: "go-sum", Commands: projects, Group: Identity,
		Origin: "all that affect the build",
		Help: "module files to make the key from, relative to the project, such as " +
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
		Name: "matrix", Commands: projects | Mtimes | Env, Group: Identity,
		NoFlag: true,
		Help: "on GitHub, the values of the matrix, ${{ toJSON(matrix) }}: part of the default " +
			"name, so that each job of a matrix has its own",
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
		Help:  "include the fuzzing corpus",
		value: toggle(func(c *Config) *bool { return &c.Fuzz }),
	},
	{
		Name: "zips", Commands: Restore | Run | Plan | Try, Group: Content,
		Default: ZipsOmit,
		Help: "rebuild the zip of each module, which 'go mod download' needs offline, or " +
			"omit it",
		value: choice(func(c *Config) *string { return &c.Zips }, zipsChoices),
	},
	{
		Name: "stable-mtimes", Commands: Restore | Run | Plan, Group: Content,
		Help: "give tracked files modification times that depend only on their content, so that " +
			"cached test results survive a checkout",
		value: toggle(func(c *Config) *bool { return &c.StableMtimes }),
	},
	{
		Name: "explain-miss", Commands: Plan, Group: Outcome,
		Help: "explain why the go command after -- (default: go test ./...) would compile " +
			"or run again what the snapshot has",
		NoVariable: true,
		value:      toggle(func(c *Config) *bool { return &c.ExplainMiss }),
	},

	{
		Name: "fail-on-miss", Commands: Restore | Run, Group: Outcome,
		Help:  "exit with 3 if the store has no snapshot; an outage is an error, not a miss",
		value: toggle(func(c *Config) *bool { return &c.FailOnMiss }),
	},
	{
		Name: "lookup-only", Commands: Restore, Group: Outcome,
		Help:  "report which snapshot would be restored, and restore nothing",
		value: toggle(func(c *Config) *bool { return &c.LookupOnly }),
	},
	{
		Name: "job-status", Commands: Save | Plan, Group: Outcome,
		Origin: "from CI, else success",
		Help:   "how the job ended; unless it succeeded, save adds what is new and drops nothing",
		value: func(c *Config) Value {
			return choiceValue{to: &c.JobStatus, allowed: jobStatuses, aliases: gitlabStatuses}
		},
	},
	{
		Name: "default-branch-only", Commands: Save | Run | Plan | Env, Group: Outcome,
		Help:   "save only in the scope of the default branch; all other jobs only restore",
		NoFlag: true,
		value:  toggle(func(c *Config) *bool { return &c.DefaultBranchOnly }),
	},

	{
		Name: "role-to-assume", Commands: projects | GC | looks | Proxy | Prefetch | Bundle | Stats | Doctor | Env, Group: Trust,
		Help: "ARN of a role to assume with the job's OIDC token, which comes from the runner " +
			"on GitHub, else from $" + TokenVariable,
		value: text(func(c *Config) *string { return &c.Role }),
	},
	{
		Name: "role-duration", Commands: projects | GC | looks | Proxy | Prefetch | Bundle | Stats | Doctor | Env, Group: Trust,
		Default: "1h", NoFlag: true,
		Help:  "lifetime of the role's credentials, 15m to 12h, and at most what the role allows",
		value: duration(func(c *Config) *time.Duration { return &c.RoleDuration }),
	},
	{
		Name: "audience", Commands: projects | GC | looks | Proxy | Prefetch | Bundle | Stats | Doctor | Env, Group: Trust,
		Default: "sts.amazonaws.com", NoFlag: true,
		Help:  "audience to request for the OIDC token, where the runner issues it",
		value: text(func(c *Config) *string { return &c.Audience }),
	},
	{
		Name: "env-file", Commands: Run, Group: Trust,
		NoVariable: true,
		Help: "file with variables for gocache alone, as gocache env prints them; COMMAND does not see " +
			"them, and runs without a cache if the file names no store or is missing",
		value: text(func(c *Config) *string { return &c.EnvFile }),
	},
	{
		Name: "keep-credentials", Commands: projects&^Run | GC | looks | Proxy | Prefetch | Bundle | Stats | Doctor, Group: Trust,
		Help: "file in which restore leaves temporary credentials for save, in case the token " +
			"has expired by then",
		value: text(func(c *Config) *string { return &c.KeepCredentials }),
	},
	{
		Name: "sse-c-key", Commands: projects | GC | looks | Proxy | Prefetch | Bundle | Stats | Doctor | Env, Group: Trust,
		NoFlag: true, Secret: true,
		Help: "customer key for server-side encryption (SSE-C), 32 bytes in base64; " +
			"sse-c-key-file in the URL of the store names a file instead",
		value: text(func(c *Config) *string { return &c.CustomerKey }),
	},
	{
		Name: "sign-key", Commands: Save | Run | Plan, Group: Trust,
		NoFlag: true, Secret: true,
		Help:  "private key that signs the snapshot, or the file that holds it",
		value: text(func(c *Config) *string { return &c.SignKey }),
	},
	{
		Name: "trust-key", Commands: projects, Group: Trust,
		Origin: "none: snapshots need no signature",
		Help: "public key, or file of public keys; a snapshot must be signed by one of them; " +
			"repeatable",
		value: func(c *Config) Value { return textsValue{to: &c.TrustKeys, kind: "key"} },
	},
	{
		Name: "trust-max-age", Commands: projects, Group: Trust,
		Default: "35d", NoFlag: true,
		Help:  "with trust-key: maximum age of a signed snapshot; 0: any age",
		value: duration(func(c *Config) *time.Duration { return &c.TrustMaxAge }),
	},
	{
		Name: "save-private", Commands: Save | Run | Plan, Group: Trust,
		Help: "save private modules, and build outputs that mention them, even in the cache of " +
			"a public repository on GitHub, which anybody can read by opening a pull request",
		NoFlag: true,
		value:  toggle(func(c *Config) *bool { return &c.SavePrivate }),
	},
	{
		Name: "verify", Commands: Restore | Run | Plan | Try, Group: Trust,
		Default: VerifyPacks,
		Help: "what to hash of the build cache: packs, or outputs (packs and all outputs, " +
			"including those already on disk)",
		value: choice(func(c *Config) *string { return &c.Verify }, verifyChoices),
	},
	{
		Name: "check-sumdb", Commands: Restore | Run | Plan | Try, Group: Trust,
		Default: SumDBAuto,
		Help: "whether to ask the checksum database about modules that are not in go.sum, such " +
			"as tools and toolchains: auto (unless a trusted key has signed the snapshot; only " +
			"warns if the database does not answer), always, or off",
		value: choice(func(c *Config) *string { return &c.CheckSumDB }, sumDBChoices),
	},

	{
		Name: "scope", Commands: GC, Group: Cleaning,
		NoVariable: true, // or a job that sets its scope for restore and save would remove it
		Help: "remove only the snapshots of this ref of the repository, such as " +
			"refs/pull/7/merge of a closed pull request; in the cache of GitHub, everything " +
			"stored for that ref",
		value: text(func(c *Config) *string { return &c.Scope }),
	},
	{
		Name: "grace", Commands: GC, Group: Cleaning,
		Default: "24h",
		Help: "remove an object that no snapshot names only this long after gc first noted it, " +
			"which must be longer than any save takes; 0: at once, for a store that no job is " +
			"using",
		value: duration(func(c *Config) *time.Duration { return &c.Grace }),
	},
	{
		Name: "dry-run", Commands: GC | Trim, Group: Cleaning,
		Help:  "list what would be removed, and change nothing",
		value: toggle(func(c *Config) *bool { return &c.DryRun }),
	},
	{
		Name: "force", Commands: Trim, Group: Cleaning,
		Help:  "do not spare what go commands could be using, whether they are seen or not",
		value: toggle(func(c *Config) *bool { return &c.Force }),
	},

	{
		Name: "concurrency", Commands: jobs, Group: Transfer,
		Default: "0",
		Help:    "objects and parts to transfer at once; 0: automatic",
		value:   func(c *Config) Value { return countValue{&c.Concurrency} },
	},
	{
		Name: "concurrency", Commands: GC | looks | Stats, Group: Transfer,
		Default: "0",
		Help:    "snapshots to read at once; 0: 16",
		value:   func(c *Config) Value { return countValue{&c.Concurrency} },
	},
	{
		Name: "stall-timeout", Commands: projects | GC | looks | Proxy | Prefetch | Bundle | Stats | Doctor | Env, Group: Transfer,
		Default: "30s",
		Help:    "give up on a connection on which no byte has moved for this long",
		value:   duration(func(c *Config) *time.Duration { return &c.StallTimeout }),
	},
	{
		Name: "state", Commands: jobs&^Run | Mtimes, Group: Transfer,
		Origin: "one per project, below the user cache directory",
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
		Help: "print no progress and no table, and as a proxy no line for each request; " +
			"warnings stay",
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
