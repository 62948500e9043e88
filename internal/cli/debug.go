package cli

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/ci"
	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/ghaction"
	"github.com/org/gocache-action/internal/redact"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/s3"
)

// This file is what --debug prints: where gocache runs, its settings, and each request. Others read
// such logs, so they must hold no secrets: only the values of variables that are listed here are
// printed, and all text passes console.clean.

// shownVariables are printed with their values, because these explain what gocache does. No other
// values are printed: GOFLAGS, for example, may hold a token.
var shownVariables = []string{
	"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_STS", "AWS_CA_BUNDLE",
	"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_EC2_METADATA_DISABLED",
	azureClientVariable, azureTenantVariable, azureTokenFileVariable, "AZURE_AUTHORITY_HOST", "AZURE_TOKEN_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"GITHUB_EVENT_NAME", "GITHUB_REF", "GITHUB_BASE_REF", "RUNNER_ENVIRONMENT", "RUNNER_TEMP",
	"CI_PIPELINE_SOURCE", "CI_COMMIT_REF_NAME", "CI_COMMIT_REF_PROTECTED", "GOMEMLIMIT", "GOMAXPROCS", "TMPDIR",
}

// Variables of options that are secrets.
var (
	customerKeyVariable = config.Variable("sse-c-key")
	signKeyVariable     = config.Variable("sign-key")
	webhookVariable     = config.Variable("webhook")
)

// secretVariables are, or may hold, secrets. --debug says only that they are set.
var secretVariables = []string{
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", config.TokenVariable, customerKeyVariable, signKeyVariable, webhookVariable,
	"ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_RUNTIME_TOKEN", "GITHUB_TOKEN", "GH_TOKEN", "CI_JOB_TOKEN",
	"GOFLAGS", "GOAUTH",
	azureSASVariable, azureKeyVariable, azureSecretVariable, "AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_STORAGE_CONNECTION_STRING",
}

// urlVariables hold URLs, which may contain a password.
var urlVariables = []string{
	"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "GOPROXY",
	"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_STS", config.Variable("store"),
	config.Variable("push-gateway"), ghaction.InputVariable("push-gateway"),
}

// knownSecrets are the values that must not appear in any output, whichever text they come with.
func knownSecrets(env ci.Env) *redact.Values {
	list := config.NewGiven(ghaction.Inputs(env)).Secrets()
	for _, name := range secretVariables {
		list = append(list, env(name))
	}
	list = append(list, signatureOf(env(azureSASVariable)))
	plain := []string{env("AWS_ACCESS_KEY_ID"), env(ghaction.InputVariable("access-key-id")), env("GOFLAGS"), env("ACTIONS_ID_TOKEN_REQUEST_URL")}
	list = slices.DeleteFunc(list, func(value string) bool {
		return slices.Contains(plain, value) || value != "" && (value == env(signKeyVariable) || value == env(ghaction.InputVariable("sign-key"))) && !isPrivateKey(value)
	})
	for _, name := range urlVariables {
		for part := range strings.FieldsFuncSeq(env(name), func(r rune) bool { return r == ',' || r == '|' }) {
			list = append(list, passwordOf(part))
		}
	}
	return redact.NewValues(list...)
}

// signatureOf returns the secret part of a shared access signature, which requests have in their
// own order of parameters.
func signatureOf(sas string) string {
	q, _ := url.ParseQuery(strings.TrimPrefix(strings.TrimSpace(sas), "?"))
	return q.Get("sig")
}

// passwordOf returns the password in a URL as it is written there, or "". It also works for text
// that is not a valid URL.
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

// debugCommand prints the version, the options and the environment of a command.
func debugCommand(p *process, name string, kind config.Command, cfg *config.Config) {
	if !p.out.debug {
		return
	}
	p.out.debugf("gocache %s, %s, %s/%s, %d cores", p.version.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	dir, _ := os.Getwd()
	p.out.debugf("gocache %s %s in %s", name, strings.Join(debugOptions(kind, cfg), " "), dir)
	for _, name := range shownVariables {
		if value := p.env(name); value != "" {
			p.out.debugf("$%s is %s", name, value)
		}
	}
	for _, name := range secretVariables {
		if p.env(name) != "" {
			p.out.debugf("$%s is set", name)
		}
	}
}

// debugOptions lists the options that differ from their defaults. Secrets are masked.
func debugOptions(kind config.Command, cfg *config.Config) (list []string) {
	defaults := config.New(kind)
	for _, o := range config.OptionsOf(kind) {
		value := o.Value(cfg).String()
		switch {
		case value == o.Value(defaults).String():
			continue
		case o.Secret:
			value = redact.Mark
		}
		list = append(list, o.Name+"="+value)
	}
	return list
}

// debugStore prints how the store is reached and what it is asked to do. o is nil for stores that
// are not in S3.
func debugStore(r *run, st store.Store, o *s3.Options) {
	if !r.out.debug {
		return
	}
	r.out.debugf("store %s", st)
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
	r.out.debugf("store: encryption %s, bucket key %t, storage class %q, requester pays %t, conditional writes %t, checksums %t, role %s",
		encryption, e.BucketKey, o.StorageClass, o.RequesterPays, !o.NoConditions, !o.NoChecksums, role)
	r.out.debugf("store: part size %d, concurrency %d, timeout %s, stall timeout %s (0: the default)",
		o.PartSize, o.Concurrency, r.cfg.Timeout, r.cfg.StallTimeout)
}

// debugProject prints what is cached, and under which identity.
func debugProject(r *run, p *project) {
	if !r.out.debug {
		return
	}
	r.out.debugf("project %s: name %q, repo %q, scope %q, base %q, default %q, key %s",
		p.dir, p.id.Name, p.id.Repo, p.id.Scope, p.id.BaseScope, p.id.DefaultScope, p.key.Key)
	r.out.debugf("project: %s %s/%s, GOMODCACHE %s, GOCACHE %s, GOPROXY %s", p.env.GOVERSION, p.env.GOOS, p.env.GOARCH, p.modDir, p.buildDir, p.env.GOPROXY)
	if reason := r.readOnlyReason(p.id); reason != "" {
		r.out.debugf("read-only: %s", reason)
	}
	r.out.debugf("signatures: signs %t, demands %t", r.keys.signer != nil, r.keys.trust() != nil)
}

// traceS3 makes a store log its requests and the origin of its credentials.
func traceS3(out *console, o *s3.Options) {
	if !out.debug {
		return
	}
	o.Trace = func(e s3.Exchange) { out.debugf("%s", exchangeLine(e)) }
	o.TraceCredentials = func(source, keyID string, expires time.Time) {
		until := ""
		if !expires.IsZero() {
			until = ", until " + expires.UTC().Format(time.RFC3339)
		}
		// The end of a key's name tells which one it is to who has it, as in the AWS CLI.
		out.debugf("store: credentials of %s, access key %s%s%s", source, redact.Mark, keyID[max(0, len(keyID)-4):], until)
	}
}

// traceWeb logs a request to a web server in the format of requests to a bucket. A redirect may
// lead to a signed URL, whose signature is left out.
func traceWeb(out *console) func(*http.Request, *http.Response, error, time.Duration) {
	return func(r *http.Request, resp *http.Response, err error, took time.Duration) {
		e := s3.Exchange{Method: r.Method, URL: redact.URL(r.URL), Header: redact.Header(r.Header), Err: err, Wait: took, Took: took}
		if err == nil {
			e.Status, e.Received = resp.StatusCode, resp.ContentLength
		}
		out.debugf("%s", exchangeLine(e))
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

// dullHeaders are the same in every request.
var dullHeaders = []string{"X-Amz-Date", "X-Amz-Content-Sha256", "X-Amz-User-Agent", "X-Amz-Sdk-Checksum-Algorithm", "X-Amz-Checksum-Mode"}

// headerText lists the headers that influence the answer.
func headerText(h http.Header) string {
	var list []string
	for name, values := range h {
		told := strings.HasPrefix(name, "X-Amz-") || strings.HasPrefix(name, "X-Ms-Blob-") || name == "Content-Range" || strings.HasPrefix(name, "If-") || name == "Range" || name == "Authorization"
		if told && !slices.Contains(dullHeaders, name) {
			list = append(list, strings.ToLower(name)+": "+strings.Join(values, ","))
		}
	}
	slices.Sort(list)
	return strings.Join(list, "; ")
}
