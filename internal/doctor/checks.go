package doctor

import "time"

// Checks are all checks, in the order in which people should read what they find: what others rest
// on comes first. docs/doctor.md has this table.
var Checks = []Check{
	{
		Name: "go", run: checkGo,
		Looks: "the go command in PATH, its version and GOROOT",
		Bad:   "fails without one, or if $GOROOT is another version's or has no Go",
		Mend:  "install Go; `unset GOROOT`",
	},
	{
		Name: "toolchain", run: checkToolchain,
		Looks: "GOTOOLCHAIN against the go and toolchain lines of go.mod or go.work, and whether proxies have a toolchain that is not here",
		Bad:   "fails if the go command is too old and may not switch, or cannot download what it switches to",
		Mend:  "`go env -w GOTOOLCHAIN=auto`, or a newer Go",
	},
	{
		Name: "module-mode", run: checkModuleMode,
		Looks: "GO111MODULE, and whether there is a go.mod",
		Bad:   "fails in GOPATH mode beside a go.mod, warns in GOPATH mode elsewhere",
		Mend:  "`go env -u GO111MODULE`",
	},
	{
		Name: "go-flags", run: checkFlags,
		Looks: "GOFLAGS, with `go list unsafe`",
		Bad:   "fails for what go commands refuse, and for -mod=vendor without a directory vendor; warns of -mod=mod and -modcacherw",
		Mend:  "`go env -u GOFLAGS`; `go mod vendor`",
	},
	{
		Name: "go-env", run: checkOverrides,
		Looks: "what `go env -w` has set, and the same variables of the environment",
		Bad:   "warns if the two differ: the environment wins",
		Mend:  "`go env -u NAME`",
	},
	{
		Name: "workspace", run: checkWorkspace,
		Looks: "the go.work that is in play",
		Bad:   "fails if it cannot be read, does not use the module, or uses a directory without go.mod",
		Mend:  "`go work use DIR`; `export GOWORK=off`",
	},
	{
		Name: "private", run: checkPrivate,
		Looks: "GOPRIVATE, GONOPROXY, GONOSUMDB and GOINSECURE",
		Bad:   "fails for patterns that match nothing; warns of private modules whose names go to a public proxy that is the first, or to the checksum database",
		Mend:  "`go env -w GOPRIVATE=...`; `go env -u GONOSUMDB`",
	},
	{
		Name: "sumdb", run: checkSumDB, Limit: 25 * time.Second,
		Looks: "GOSUMDB: whether the checksum database answers, and what it has for a module of go.sum that is surely public",
		Bad:   "warns if it is off; fails if it does not answer, or has another hash",
		Mend:  "`go env -u GOSUMDB`; `git log -p go.sum`",
	},
	{
		Name: "proxy", run: checkProxies, Limit: 25 * time.Second,
		Looks: "each proxy of GOPROXY: status, latency (the median of 5), whether it passes on the checksum database",
		Bad:   "fails if one that is needed does not answer, wants credentials or is no proxy; warns if it is a later one, or one before `|`, and above 2 s; unknown if GOAUTH gives the credentials; warns of off, of http://, and of what is never asked",
		Mend:  "`~/.netrc`, `go env -w GOPROXY=...`, a nearer proxy",
	},
	{
		Name: "vcs", run: checkVCS, Limit: 30 * time.Second,
		Looks: "the repositories of modules that GONOPROXY and GOPRIVATE name: whether the go command can list their versions",
		Bad:   "fails without git, and if a repository cannot be read",
		Mend:  "by the error: `git config --global url...insteadOf`, `ssh-add`, `ssh-keyscan`, GOVCS",
	},
	{
		Name: "clock", run: checkClock,
		Looks: "the clock, against those of proxies and the checksum database",
		Bad:   "warns from 2 minutes on, fails from 10",
		Mend:  "`sudo timedatectl set-ntp true`",
	},
	{
		Name: "disk-space", run: checkDisk,
		Looks: "free bytes and inodes under GOMODCACHE, GOCACHE and the directory for temporary files",
		Bad:   "warns below 2 GiB (512 MiB for temporary files alone) or 50,000 inodes, fails below 200 MiB or 2,000",
		Mend:  "`gocache trim --max-age 7d --max-size ...`, a quarter of the disk",
	},
	{
		Name: "temp-dir", run: checkTemp,
		Looks: "GOTMPDIR, or the directory of the system",
		Bad:   "fails if it is not there, cannot be written to, or is mounted with noexec",
		Mend:  "`go env -w GOTMPDIR=DIR`",
	},
	{
		Name: "permissions", run: checkPermissions,
		Looks: "owners and modes of both caches",
		Bad:   "fails if one cannot be written to; warns of files of other users (not for root), and of a cache that every user can write to",
		Mend:  "`chmod -R u+rwX DIR` for what is one's own, `sudo chown -R \"$(id -u):$(id -g)\" DIR` for what is not, if no other user builds there; `sudo install -d` for what is not there; `chmod o-w DIR`",
	},
	{
		Name: "file-system", run: checkFileSystem, Limit: 10 * time.Second,
		Looks: "the file systems under both caches, and how long it takes to look up a file",
		Bad:   "warns of one across a network, and above 3 ms",
		Mend:  "`go env -w GOCACHE=DIR` on a local disk",
	},
	{
		Name: "leftovers", run: checkLeftovers, Limit: 30 * time.Second,
		Looks: "what killed commands have left: extractions that were interrupted, trees without .ziphash, stages, partial outputs, go-build directories; whether locks work",
		Bad:   "warns of what is older than 15 minutes; of a stage at once, since its lock tells that its restore was killed; of go-build directories if 20 are older than a day",
		Mend:  "`gocache trim --max-age 90d`, or nothing: the next restore removes stages, too; the `rm` that it prints",
	},
	{
		Name: "go-mod", run: checkGoMod,
		Looks: "go.mod and go.sum as they are written",
		Bad:   "fails if they cannot be read, for two hashes of one version, and without go.sum; warns without a go line",
		Mend:  "`go mod tidy`; `git log -p go.sum`",
	},
	{
		Name: "tidy", run: checkTidy, Limit: time.Minute,
		Looks: "`go mod tidy -diff`, without the network",
		Bad:   "warns if it changes something; unknown if modules are missing in the cache",
		Mend:  "`go mod tidy`",
	},
	{
		Name: "replace", run: checkReplaces,
		Looks: "replacements by a directory",
		Bad:   "fails if the directory has no go.mod; warns if it is outside of the repository, absolute, or not tracked by git",
		Mend:  "`go mod edit -dropreplace=PATH`; a go.work instead",
	},
	{
		Name: "exclude", run: checkExcludes,
		Looks: "exclude lines",
		Bad:   "warns if a version is required and excluded",
		Mend:  "`go mod tidy`",
	},
	{
		Name: "retracted", run: checkRetracted, Limit: 30 * time.Second,
		Looks: "what the newest go.mod of each required module says, from the proxies, else from the cache",
		Bad:   "warns of retracted versions, and of deprecated modules that the project itself requires",
		Mend:  "`go get PATH@latest`; `go mod why -m PATH`",
	},
	{
		Name: "store", run: checkStore, Limit: 40 * time.Second,
		Looks: "the store of gocache (`--store`): whether it answers, takes the credentials, and how fast; space where it is a directory",
		Bad:   "fails if not; warns above 2 s",
		Mend:  "as the error says: credentials, region, endpoint",
	},
	{
		Name: "store-write", run: checkStoreWrites, Limit: 40 * time.Second,
		Looks: "with `--write-probe`: an object below `doctor/` is written, replaced under conditions, read and removed; bytes that do not match their CRC32C are offered",
		Bad:   "fails if that does not work; warns of a store without conditional writes or checksums",
		Mend:  "`conditional-writes=false` in the URL of the store; another server",
	},
	{
		Name: "store-clock", run: checkStoreClock, Limit: 20 * time.Second,
		Looks: "the clock, against that of the store",
		Bad:   "as clock",
		Mend:  "as clock",
	},
	{
		Name: "ci-caches", run: checkCICaches,
		Looks: "jobs in .github/workflows and .gitlab-ci.yml that use gocache",
		Bad:   "warns of a second cache for the same directories: setup-go without `cache: false`, actions/cache, `cache:` of GitLab",
		Mend:  "`cache: false`; remove the path",
	},
	{
		Name: "ci-paths", run: checkCIPaths,
		Looks: "the steps after the restore in these jobs",
		Bad:   "warns if they set GOCACHE, GOMODCACHE or GOPATH, run `go clean -cache`, or replace the scripts of the component",
		Mend:  "set it for the job; `!reference`",
	},
	{
		Name: "ci-permissions", run: checkCIPermissions,
		Looks: "permissions of these jobs",
		Bad:   "fails if one assumes a role without `id-token: write` (id_tokens on GitLab), or cleans the cache of the repository without `actions: write`",
		Mend:  "`permissions:` of the job",
	},
}
