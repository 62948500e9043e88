package config

import "time"

const storeHelp = "s3://bucket/prefix?region=R&endpoint=URL&path-style=true, file:///dir, the path of a directory, " +
	"or https://host/prefix for reading only"

func duration(f field[time.Duration]) func(*Config) Value {
	return func(c *Config) Value { return durationValue{f(c)} }
}

// options is the table. Why some defaults are what they are:
//
// Zips are left out because rebuilding them writes each module a second time (measured: 8 % of the
// time of a restore on a fast disk, and as much disk space as the trees), while of all go commands
// only `go mod download` misses them.
//
// The age is what a weekly job needs that runs only after the next save of others: 7 days, and as
// many for a run that is late or failed, of which 2 may be lost to a recorded use that is a day old
// and to clocks that are a day apart.
//
// A job that runs once a month still finds its snapshot after the 35 days of gc. Its notice period
// is longer than any save by far; with a gc every day, garbage lies for two days. The age of signed
// snapshots is that of gc: one that is in use is written at least once a day.
var options = []Option{
	{Name: "store", Commands: jobs | GC, Group: Common, Help: "where snapshots are kept: " + storeHelp, Origin: "a directory in the user's cache",
		value: text(func(c *Config) *string { return &c.Store })},
	{Name: "name", Commands: jobs | Mtimes, Group: Common, Help: "name of the job, part of the key", Origin: `from CI, else "default"`,
		value: text(func(c *Config) *string { return &c.Name })},
	{Name: "dir", Commands: jobs | Try | Mtimes, Group: Common, Help: "directory of the project", Default: ".",
		value: text(func(c *Config) *string { return &c.Dir })},
	{Name: "dir", Commands: Trim, Group: Common, Help: "directory in which the go command is asked for its caches", Default: ".",
		value: text(func(c *Config) *string { return &c.Dir })},
	{Name: "path", Commands: jobs, Group: Common, Help: "another directory to restore and save, such as ~/.cache/golangci-lint; repeated or with commas",
		value: func(c *Config) Value { return listValue{to: &c.Paths, kind: "dirs"} }},
	{Name: "max-age", Commands: Save | Plan | Trim, Group: Common, Help: "drop what was not used for longer; 0: never", Default: "14d",
		value: duration(func(c *Config) *time.Duration { return &c.MaxAge })},
	{Name: "max-age", Commands: GC, Group: Common, Help: "remove snapshots not saved, and unnamed modules not used, for longer; 0: never", Default: "35d",
		value: duration(func(c *Config) *time.Duration { return &c.MaxAge })},
	{Name: "max-size", Commands: Save | Plan | Trim, Group: Common, Default: "0",
		Help:  "drop what was not used for longest above this size on disk, such as 4GiB, or modules=1GiB,build=3GiB; 0: no bound",
		value: func(c *Config) Value { return sizesValue{&c.MaxSize} }},
	{Name: "read-only", Commands: Save | Plan, Group: Common, Help: "write nothing to the store",
		value: toggle(func(c *Config) *bool { return &c.ReadOnly })},
	{Name: "timeout", Commands: jobs, Group: Common, Help: "end after this time, whatever is left to do; 0: never", Default: "10m",
		value: duration(func(c *Config) *time.Duration { return &c.Timeout })},
	{Name: "timeout", Commands: GC, Group: Common, Help: "end after this time, whatever is left to do; the next gc goes on; 0: never", Default: "0",
		value: duration(func(c *Config) *time.Duration { return &c.Timeout })},
	{Name: "fail-on-error", Commands: Restore | Save, Group: Common, Help: "exit with 1 when something goes wrong, instead of a warning",
		value: toggle(func(c *Config) *bool { return &c.FailOnError })},
	{Name: "summary", Commands: Restore | Save, Group: Common, Help: "file to which a summary in Markdown is added, or off", Origin: "the summary of the job on GitHub",
		value: text(func(c *Config) *string { return &c.Summary })},

	{Name: "repo", Commands: jobs, Group: Identity, Help: "repository, such as github.com/org/name", Origin: "from CI or git",
		value: text(func(c *Config) *string { return &c.Repo })},
	{Name: "scope", Commands: jobs, Group: Identity, Help: "ref that the snapshot belongs to, such as refs/heads/main", Origin: "from CI or git",
		value: text(func(c *Config) *string { return &c.Scope })},
	{Name: "base-scope", Commands: jobs, Group: Identity, Help: "second ref to look in: the base of a pull request", Origin: "from CI",
		value: text(func(c *Config) *string { return &c.BaseScope })},
	{Name: "default-scope", Commands: jobs, Group: Identity, Help: "last ref to look in: the default branch", Origin: "from CI or git",
		value: text(func(c *Config) *string { return &c.DefaultScope })},
	{Name: "go-sum", Commands: jobs, Group: Identity, Origin: "all that say what is built",
		Help:  "module files that the key is made of, relative to the project, such as go.sum,tools/**/go.sum",
		value: func(c *Config) Value { return patternsValue(&c.GoSum) }},
	{Name: "matrix", Commands: jobs | Mtimes, Group: Identity, NoFlag: true,
		Help:  "tells the jobs of a matrix apart in the default name on GitHub: ${{ toJSON(matrix) }}",
		value: text(func(c *Config) *string { return &c.Matrix })},

	{Name: "no-modules", Commands: jobs | Trim, Group: Content, Help: "leave GOMODCACHE alone",
		value: toggle(func(c *Config) *bool { return &c.NoModules })},
	{Name: "no-build", Commands: jobs | Trim, Group: Content, Help: "leave GOCACHE alone",
		value: toggle(func(c *Config) *bool { return &c.NoBuild })},
	{Name: "no-toolchains", Commands: jobs | Trim, Group: Content, Help: "leave downloaded Go toolchains alone",
		value: toggle(func(c *Config) *bool { return &c.NoToolchains })},
	{Name: "fuzz", Commands: jobs, Group: Content, Help: "include the corpus that fuzzing found",
		value: toggle(func(c *Config) *bool { return &c.Fuzz })},
	{Name: "zips", Commands: Restore | Plan | Try, Group: Content, Help: "rebuild the zip of each module, for 'go mod download' offline, or omit it", Default: ZipsOmit,
		value: choice(func(c *Config) *string { return &c.Zips }, zipsChoices)},
	{Name: "stable-mtimes", Commands: Restore | Plan, Group: Content, Help: "give tracked files times that depend on their content only, for test results to survive a checkout",
		value: toggle(func(c *Config) *bool { return &c.StableMtimes })},

	{Name: "fail-on-miss", Commands: Restore, Group: Outcome, Help: "exit with 3 when the store has no snapshot; an outage is an error, not a miss",
		value: toggle(func(c *Config) *bool { return &c.FailOnMiss })},
	{Name: "lookup-only", Commands: Restore, Group: Outcome, Help: "look for the snapshot, say which there is, and restore nothing",
		value: toggle(func(c *Config) *bool { return &c.LookupOnly })},
	{Name: "job-status", Commands: Save | Plan, Group: Outcome, Origin: "from CI, else success",
		Help: "how the job ended: unless with success, what it made is added and nothing is dropped",
		value: func(c *Config) Value {
			return choiceValue{to: &c.JobStatus, allowed: jobStatuses, aliases: gitlabStatuses}
		}},

	{Name: "role-to-assume", Commands: jobs | GC, Group: Trust, Help: "ARN of a role that is assumed with the OIDC token of the job: from the runner on GitHub, else in $" + TokenVariable,
		value: text(func(c *Config) *string { return &c.Role })},
	{Name: "role-duration", Commands: jobs | GC, Group: Trust, NoFlag: true, Default: "1h",
		Help:  "how long the credentials of the role are valid, 15m to 12h, and not longer than the role allows",
		value: duration(func(c *Config) *time.Duration { return &c.RoleDuration })},
	{Name: "audience", Commands: jobs, Group: Trust, NoFlag: true, Default: "sts.amazonaws.com", Help: "audience of the OIDC token, where the runner is asked for one",
		value: text(func(c *Config) *string { return &c.Audience })},
	{Name: "keep-credentials", Commands: jobs | GC, Group: Trust, Help: "file in which restore leaves temporary credentials, for a save when the token is no longer valid",
		value: text(func(c *Config) *string { return &c.KeepCredentials })},
	{Name: "sse-c-key", Commands: jobs | GC, Group: Trust, NoFlag: true, Secret: true,
		Help:  "key of server-side encryption with a customer key (SSE-C), 32 bytes in base64; instead, sse-c-key-file in the URL of the store names a file",
		value: text(func(c *Config) *string { return &c.CustomerKey })},
	{Name: "sign-key", Commands: Save | Plan, Group: Trust, NoFlag: true, Secret: true, Help: "private key that signs the snapshot, or the file that holds it",
		value: text(func(c *Config) *string { return &c.SignKey })},
	{Name: "trust-key", Commands: jobs, Group: Trust, Origin: "snapshots need no signature",
		Help:  "public key, or a file with some, one of which must have signed a snapshot; repeatable",
		value: func(c *Config) Value { return textsValue{to: &c.TrustKeys, kind: "key"} }},
	{Name: "trust-max-age", Commands: jobs, Group: Trust, NoFlag: true, Default: "35d", Help: "with trust-key: how old a signed snapshot may be; 0: any age",
		value: duration(func(c *Config) *time.Duration { return &c.TrustMaxAge })},
	{Name: "verify", Commands: Restore | Plan | Try, Group: Trust, Default: VerifyPacks,
		Help:  "what of the build cache is hashed: packs against the snapshot, or also all outputs, those that are here included, against their names",
		value: choice(func(c *Config) *string { return &c.Verify }, verifyChoices)},
	{Name: "check-sumdb", Commands: Restore | Plan | Try, Group: Trust, Default: SumDBAuto,
		Help:  "ask the checksum database about modules that are not in go.sum, such as tools and toolchains: auto if no trusted key has signed the snapshot, and with a warning where it does not answer; always; or off",
		value: choice(func(c *Config) *string { return &c.CheckSumDB }, sumDBChoices)},

	{Name: "grace", Commands: GC, Group: Cleaning, Default: "24h",
		Help:  "remove what is unnamed only so long after it was noted; longer than any save takes; 0: at once, for a store that no job uses meanwhile",
		value: duration(func(c *Config) *time.Duration { return &c.Grace })},
	{Name: "dry-run", Commands: GC | Trim, Group: Cleaning, Help: "list what would be removed, and write nothing",
		value: toggle(func(c *Config) *bool { return &c.DryRun })},
	{Name: "force", Commands: Trim, Group: Cleaning, Help: "do not look for running go commands",
		value: toggle(func(c *Config) *bool { return &c.Force })},

	{Name: "concurrency", Commands: jobs, Group: Transfer, Help: "objects and parts in transfer at once; 0: as measured to be best", Default: "0",
		value: func(c *Config) Value { return countValue{&c.Concurrency} }},
	{Name: "concurrency", Commands: GC, Group: Transfer, Help: "snapshots read at once; 0: 16", Default: "0",
		value: func(c *Config) Value { return countValue{&c.Concurrency} }},
	{Name: "stall-timeout", Commands: jobs | GC, Group: Transfer, Help: "give up on a connection on which nothing moves", Default: "30s",
		value: duration(func(c *Config) *time.Duration { return &c.StallTimeout })},
	{Name: "state", Commands: jobs | Mtimes, Group: Transfer, Help: "file in which restore leaves notes for save", Origin: "one for each project in the user's cache",
		value: text(func(c *Config) *string { return &c.State })},

	{Name: "json", Commands: all, Group: Printing, Help: "print the result as JSON on stdout",
		value: toggle(func(c *Config) *bool { return &c.JSON })},
	{Name: "quiet", Commands: all, Group: Printing, Help: "print no progress and no table; warnings stay",
		value: toggle(func(c *Config) *bool { return &c.Quiet })},
	{Name: "debug", Commands: all, Group: Printing, Help: "log each request, the store and the environment to stderr, without secrets",
		value: toggle(func(c *Config) *bool { return &c.Debug })},
}

// TokenVariable holds the OIDC token of a job itself, as from id_tokens of GitLab, Buildkite and
// CircleCI. It is no option: only roles need it.
const TokenVariable = variablePrefix + "ID_TOKEN"
