package main

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/org/gocache-action/internal/redact"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/s3"
)

// This file is what --debug prints: where gocache runs, what it was told, and each request. It is
// for logs that others read, so it shows nothing that is secret: values are printed only of what is
// named here, and all of it goes through console.clean.

// shownVariables are those whose values explain what happens. The values of others are nobody's
// business: GOFLAGS, for example, can put a token into a program.
var shownVariables = []string{
	"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_STS", "AWS_CA_BUNDLE",
	"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_EC2_METADATA_DISABLED",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"GITHUB_EVENT_NAME", "GITHUB_REF", "GITHUB_BASE_REF", "RUNNER_ENVIRONMENT", "RUNNER_TEMP",
	"CI_PIPELINE_SOURCE", "CI_COMMIT_REF_NAME", "CI_COMMIT_REF_PROTECTED", "GOMEMLIMIT", "GOMAXPROCS", "TMPDIR",
}

// secretVariables hold secrets, or may hold some; of these it is said that they are set.
var secretVariables = []string{
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", tokenVariable, customerKeyVariable, twinPrefix + "SIGN_KEY",
	"ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_RUNTIME_TOKEN", "GITHUB_TOKEN", "GH_TOKEN", "CI_JOB_TOKEN",
	"GOFLAGS", "GOAUTH",
}

// urlVariables hold URLs, in which a password can be.
var urlVariables = []string{
	"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "GOPROXY",
	"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_STS", twinPrefix + "STORE",
}

// knownSecrets are the values that no output may hold, wherever it comes from.
func knownSecrets(env lookupEnv) *redact.Values {
	var list []string
	for _, name := range secretVariables {
		switch value := env.get(name); {
		case name == "AWS_ACCESS_KEY_ID", name == "GOFLAGS", name == "ACTIONS_ID_TOKEN_REQUEST_URL":
			// no secrets as a whole
		case name == twinPrefix+"SIGN_KEY" && !strings.HasPrefix(value, privatePrefix):
			// the name of a file
		default:
			list = append(list, value)
		}
	}
	for _, in := range specialInputs {
		if in.kind == secretInput && in.name != "access-key-id" {
			list = append(list, inputValues{env: env}.get(in.name))
		}
	}
	for _, name := range urlVariables {
		for part := range strings.FieldsFuncSeq(env.get(name), func(r rune) bool { return r == ',' || r == '|' }) {
			list = append(list, passwordOf(part))
		}
	}
	return redact.NewValues(list...)
}

// passwordOf returns the password in a URL as it is written there, or "". It also finds that of one
// that is no valid URL.
func passwordOf(rawURL string) string {
	_, rest, _ := strings.Cut(rawURL, "://")
	rest, _, _ = strings.Cut(rest, "/")
	i := strings.LastIndex(rest, "@")
	if i < 0 {
		return ""
	}
	user, password, ok := strings.Cut(rest[:i], ":")
	if !ok {
		return user // a token as the user, as with many Git hosts
	}
	return password
}

// debugCommand says where this is and what it was told.
func (a *app) debugCommand(cmd *cobra.Command) {
	if !a.out.debug {
		return
	}
	v := buildVersion()
	a.out.debugf("gocache %s, %s, %s/%s, %d cores", v.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	var flags []string
	cmd.Flags().Visit(func(f *pflag.Flag) {
		value := f.Value.String()
		if slices.Contains(secretFlags, f.Name) {
			value = redact.Mark
		}
		flags = append(flags, fmt.Sprintf("--%s=%s", f.Name, value))
	})
	dir, _ := os.Getwd()
	a.out.debugf("%s %s in %s", cmd.CommandPath(), strings.Join(flags, " "), dir)
	for _, name := range shownVariables {
		if value := a.lookup.get(name); value != "" {
			a.out.debugf("$%s is %s", name, value)
		}
	}
	for _, name := range secretVariables {
		if a.lookup.get(name) != "" {
			a.out.debugf("$%s is set", name)
		}
	}
}

// debugStore says how the store is reached and what it is asked for. o is nil for a directory.
func (a *app) debugStore(st store.Store, o *s3.Options) {
	if !a.out.debug {
		return
	}
	a.out.debugf("store %s", st)
	if o == nil {
		return
	}
	e := o.Encryption
	encryption := "as the bucket decides"
	switch {
	case e.CustomerKey != nil:
		encryption = "with a customer key"
	case e.Algorithm != "":
		encryption = strings.TrimSpace(fmt.Sprintf("%s %s", e.Algorithm, e.KMSKeyID))
	}
	role := "none"
	if o.Role != nil {
		role = o.Role.ARN
	}
	a.out.debugf("store: encryption %s, bucket key %t, storage class %q, requester pays %t, conditional writes %t, checksums %t, role %s",
		encryption, e.BucketKey, o.StorageClass, o.RequesterPays, !o.NoConditions, !o.NoChecksums, role)
	a.out.debugf("store: part size %s, concurrency %d, timeout %s, stall timeout %s (0: the default)",
		&a.flags.partSize, a.flags.concurrency, &a.flags.timeout, &a.flags.stall)
}

// debugProject says what is cached, and as whose.
func (a *app) debugProject(p *project) {
	if !a.out.debug {
		return
	}
	a.out.debugf("project %s: name %q, repo %q, scope %q, base %q, default %q, key %s",
		p.dir, p.id.Name, p.id.Repo, p.id.Scope, p.id.BaseScope, p.id.DefaultScope, p.key.Key)
	a.out.debugf("project: %s %s/%s, GOMODCACHE %s, GOCACHE %s, GOPROXY %s", p.env.GOVERSION, p.env.GOOS, p.env.GOARCH, p.modDir, p.buildDir, p.env.GOPROXY)
	if reason := a.readOnlyReason(p.id); reason != "" {
		a.out.debugf("read-only: %s", reason)
	}
	a.out.debugf("signatures: signs %t, demands %t", a.flags.signing.signer != nil, a.flags.signing.trust() != nil)
}

// traceStore makes a store log its requests, and whose they are.
func (a *app) traceStore(o *s3.Options) {
	if !a.out.debug {
		return
	}
	o.Trace = func(e s3.Exchange) { a.out.debugf("%s", exchangeLine(e)) }
	o.TraceCredentials = func(source, keyID string, expires time.Time) {
		until := ""
		if !expires.IsZero() {
			until = ", until " + expires.UTC().Format(time.RFC3339)
		}
		// The end of a key's name tells which one it is to who has it, as in the AWS CLI.
		a.out.debugf("store: credentials of %s, access key %s%s%s", source, redact.Mark, keyID[max(0, len(keyID)-4):], until)
	}
}

// exchangeLine describes a request in one line.
func exchangeLine(e s3.Exchange) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", e.Method, e.URL)
	round := func(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
	if e.Status == 0 {
		fmt.Fprintf(&b, ": no answer after %v: %v", round(e.Took), e.Err)
	} else {
		fmt.Fprintf(&b, ": %d after %v, %d bytes after %v", e.Status, round(e.Wait), e.Received, round(e.Took))
		if e.Err != nil {
			fmt.Fprintf(&b, ", then: %v", e.Err)
		}
	}
	if e.Attempt != "" {
		fmt.Fprintf(&b, ", attempt %s", e.Attempt)
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, ", request ID %s", e.RequestID)
	}
	if h := headerText(e.Header); h != "" {
		fmt.Fprintf(&b, "; sent %s", h)
	}
	return b.String()
}

// dullHeaders are in every request and tell nothing.
var dullHeaders = []string{"X-Amz-Date", "X-Amz-Content-Sha256", "X-Amz-User-Agent", "X-Amz-Sdk-Checksum-Algorithm", "X-Amz-Checksum-Mode"}

// headerText lists the headers on which the answer depends.
func headerText(h http.Header) string {
	var list []string
	for name, values := range h {
		told := strings.HasPrefix(name, "X-Amz-") || strings.HasPrefix(name, "If-") || name == "Range" || name == "Authorization"
		if told && !slices.Contains(dullHeaders, name) {
			list = append(list, strings.ToLower(name)+": "+strings.Join(values, ","))
		}
	}
	slices.Sort(list)
	return strings.Join(list, "; ")
}
