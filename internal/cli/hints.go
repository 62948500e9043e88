package cli

import (
	"context"
	"errors"
	"io/fs"
	"os/exec"
	"runtime"
	"syscall"

	"github.com/org/gocache-action/internal/ci"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/rebuild"
	"github.com/org/gocache-action/internal/repocache"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/actions"
	"github.com/org/gocache-action/internal/store/dir"
	"github.com/org/gocache-action/internal/store/s3"
	"github.com/org/gocache-action/internal/store/wire"
	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/trim"
)

// hints says what to do about an error; the first that matches is printed. What is more
// specific comes first: a store can be unreachable because a deadline passed.
var hints = []struct {
	is   error
	hint string
}{
	{errNoGit, "install git, and run gocache after the step that checks out the project"},
	{errNoGo, "install Go, or run gocache after the step that puts it into PATH"},
	{errNoModule, "name the directory of the project in --dir"},
	{errNoTemp, "set TMPDIR to a directory that can be written to"},
	{errNoUserCache, "set HOME, or give --store and --state"},
	{jobstate.ErrNotWritten, "name in --state a file that can be written"},
	{snapshot.ErrFormat, "a later gocache wrote this; use the same version everywhere"},
	{errNoToken, "give the job an OIDC token: id_tokens in GitLab, the permission id-token: write in GitHub"},
	{errNoGitHubToken, "give the step the token of the job, env: GITHUB_TOKEN: ${{ github.token }}, and the job permissions: actions: write"},
	{repocache.ErrMayNot, "give the job permissions: actions: write; a pull request from a fork cannot have it, pull_request_target can"},
	{ci.ErrNotAnAction, "use the action, org/gocache-action@v1 (or its restore and save), instead of gocache in a step with run, or name a bucket in --store"},
	{ci.ErrOldService, "name a bucket: s3://bucket/prefix in --store, or the inputs bucket and region"},
	{actions.ErrNoService, "name a bucket: s3://bucket/prefix in --store, or the inputs bucket and region"},
	{ci.ErrNotGitHub, "name a bucket or a directory in --store"},
	{wire.ErrProxy, "check HTTPS_PROXY and HTTP_PROXY; NO_PROXY names the hosts that need no proxy"},
	{errAuthority, authorityHint(runtime.GOOS)},
	{store.ErrReadOnly, "nothing is wrong if this job is only to read, as that of a pull request from a fork; else give it credentials, and a store that can be written: s3://, azblob://, gs:// or file://"},
	{s3.ErrRole, "check that the trust policy of the role accepts the audience and the subject of this job's token, and that STS can be reached"},
	{s3.ErrNotEncrypted, "use a server that encrypts, or leave out what asks for it: sse in the URL of the store, the customer key"},
	{store.ErrNoCredentials, "give the job credentials: for s3:// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role"},
	{s3.ErrUnknownKey, "check AWS_ACCESS_KEY_ID, or the profile, of the job: the server has no such key; one of another server or account needs that endpoint in --store"},
	{s3.ErrWrongSecret, "check AWS_SECRET_ACCESS_KEY, also for a blank or a missing character: it is not that of the access key"},
	{s3.ErrExpired, "get new credentials: the session of those that the job has is over"},
	{s3.ErrClock, "set the clock of this machine: gocache doctor --check store-clock says how far it is off"},
	{errDirDenied, "let this user read the directory in --store, and write it if the job is to save"},
	{store.ErrDenied, "check the credentials of the job and what the bucket policy, or its role in Azure or Google Cloud, grants it"},
	{store.ErrMoved, "give the region or the endpoint of the bucket in --store: region=..., endpoint=..."},
	{errNotThere, "correct --store, or mount what lies there"},
	{errNoDir, "name in --store a directory that is there or can be made"},
	{store.ErrNoStore, "create the bucket or container, or correct the name (and in azblob:// the account) in --store"},
	{store.ErrUnsupported, "leave out what the server does not have of sse, storage-class and requester-pays in the URL of the store; in azblob:// and gs:// look at what the account or the bucket is set to"},
	{store.ErrUnreachable, "check the endpoint and the region in --store, and the network of this machine"},
	{errStoreFull, "free space on the disk of the store, or let save keep less with --max-size and --max-age; gocache gc removes what nobody needs, with --grace 0 at once what failed saves have left, too, while no job uses the store"},
	{errDiskFull, "free space on the disk, or let save keep less with --max-size and --max-age"},
	{syscall.EROFS, "the file system is mounted read-only; point GOMODCACHE and GOCACHE to one that is not"},
	{fs.ErrPermission, "make GOMODCACHE and GOCACHE writable for this user, or point them to a directory that is"},
	{rebuild.ErrBusy, "wait for them to end, or use --force if they use other caches"},
	{errUnseen, "run it where all processes are seen, or use --force when no go command runs"},
	{trim.ErrBusy, "wait for them to end, or use --force if they use other caches"},
	{errTimedOut, "raise --timeout"},
	{context.DeadlineExceeded, "raise --timeout"},
}

// authorityHint depends on the system: Go reads SSL_CERT_FILE only where the certificates of the
// system are files.
func authorityHint(goos string) string {
	const own = "if the server has a certificate of your own authority, "
	if goos == "windows" || goos == "darwin" {
		return own + "add that authority to the certificates of the system, or name the file with it in AWS_CA_BUNDLE (s3:// only)"
	}
	return own + "name the file with that authority in AWS_CA_BUNDLE (s3://) or SSL_CERT_FILE"
}

// hintFor returns what to do about an error, or "".
func hintFor(err error) string {
	for _, h := range hints {
		if matches(err, h.is) {
			return h.hint
		}
	}
	return ""
}

// matches is errors.Is, also for the errors of this command that stand for several.
func matches(err, is error) bool {
	switch is {
	case errDiskFull:
		return osfile.IsNoSpace(err) || errors.Is(err, restore.ErrNoRoom)
	case errStoreFull:
		var d *dir.Error
		return errors.As(err, &d) && osfile.IsNoSpace(err)
	case wire.ErrProxy:
		return wire.ProxyFailed(err) || errors.Is(err, is)
	case errAuthority:
		return wire.UnknownAuthority(err)
	case errDirDenied, errNoDir:
		var d *dir.Error
		return errors.As(err, &d) && errors.Is(err, map[error]error{errDirDenied: store.ErrDenied, errNoDir: store.ErrNoStore}[is])
	}
	return errors.Is(err, is)
}

// Errors of this command. Those without a value of their own are found by matches.
var (
	errNoGo        = exec.ErrNotFound
	errNoUserCache = errors.New("no cache directory for this user")
	errAuthority   = errors.New("certificate of an unknown authority")
	errNoTemp      = errors.New("temporary directory")
	errDiskFull    = errors.New("disk full")
	errStoreFull   = errors.New("disk of the store full")
	errDirDenied   = errors.New("no access to the directory that is the store")
	errNoDir       = errors.New("no directory that is the store")
)
