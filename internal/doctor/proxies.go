package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/checksumdb"
	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/goproxy"
	"github.com/org/gocache-action/internal/proxy/upstream"
	"github.com/org/gocache-action/internal/redact"
	"github.com/org/gocache-action/internal/store/wire"
)

// How proxies are asked.
const (
	samples   = 5 // of the latency, for the median
	slowProxy = 2 * time.Second
)

// asked is the module that is asked for where the project has none that a proxy may be asked for.
var asked = module.Version{Path: "golang.org/x/text", Version: "v0.3.0"}

// checkProxies: the list makes sense, and each proxy of it answers.
func checkProxies(ctx context.Context, f *Facts) []finding.Finding {
	if f.EnvErr != nil {
		return nil
	}
	list := goproxy.Split(f.Env["GOPROXY"])
	if len(list) == 0 {
		return []finding.Finding{finding.Failf(f.unset("GOPROXY"), "GOPROXY (%s) has no entries: nothing can be downloaded", f.origin("GOPROXY"))}
	}
	found := make([][]finding.Finding, len(list))
	var all sync.WaitGroup
	for i, e := range list {
		if i > 0 && (list[i-1].Name == "direct" || list[i-1].Name == "off") {
			found[i] = []finding.Finding{finding.Warnf(f.unset("GOPROXY"), "GOPROXY: nothing after %q is ever asked: %s", list[i-1].Name, redact.Text(e.Name))}
			break
		}
		all.Go(func() { found[i] = examine(f, ctx, e, i, list) })
	}
	all.Wait()
	return slices.Concat(found...)
}

// examine looks at one entry of GOPROXY.
func examine(f *Facts, ctx context.Context, e goproxy.Element, i int, list []goproxy.Element) []finding.Finding {
	switch {
	case e.Name == "off" && i == 0:
		return []finding.Finding{finding.Warnf(f.unset("GOPROXY"), "GOPROXY=off (%s): nothing can be downloaded", f.origin("GOPROXY"))}
	case e.Name == "off":
		return []finding.Finding{finding.Okf("off: what no proxy has is not looked for elsewhere")}
	case e.Name == "direct":
		return []finding.Finding{finding.Okf("direct: repositories are asked themselves")}
	}
	u, err := url.Parse(e.Name)
	if err != nil {
		return []finding.Finding{finding.Failf(f.unset("GOPROXY"), "GOPROXY (%s): entry %d is no URL", f.origin("GOPROXY"), i+1)}
	}
	switch {
	case u.Scheme == "file":
		return []finding.Finding{fileProxy(u)}
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return []finding.Finding{finding.Failf(f.unset("GOPROXY"), "GOPROXY (%s): %s is none of https://host, file:///dir, direct and off", f.origin("GOPROXY"), redact.URL(u))}
	}
	v := asked
	if i == 0 { // it is asked for these anyway, and those behind it are perhaps not
		v = f.probe()
	}
	answer := measure(f, ctx, u, v)
	found := []finding.Finding{answer.judge(u, mayFail(i, e, list))}
	if u.Scheme == "http" && !wire.Loopback(u.Hostname()) {
		found = append(found, finding.Warnf(finding.Advise("use https://, or a proxy on this machine"), "%s is asked without encryption: anybody on the way can answer, and modules that are in no go.sum and no checksum database are believed", redact.URL(u)))
	}
	return found
}

// mayFail reports whether an outage of a proxy only matters for what others do not have: it comes
// after another one, or the list allows to go on after any error.
func mayFail(i int, e goproxy.Element, list []goproxy.Element) bool {
	return i > 0 || e.FallBack && i+1 < len(list)
}

func fileProxy(u *url.URL) finding.Finding {
	dir := goproxy.Directory(u)
	if !isDir(dir) {
		return finding.Failf(finding.Advise("create "+dir+", or leave it out of GOPROXY"), "%s: there is no directory %s", u, dir)
	}
	return finding.Okf("%s: a directory that is there", u)
}

// An answer is what asking a proxy several times has told.
type answer struct {
	reply
	median  time.Duration
	others  bool   // credentials come from elsewhere than .netrc
	strange error  // why what it says of a version is no answer of a module proxy; nil: it is one
	sumdb   string // "supported", "not supported", "unknown" or "" where none is asked
}

// measure asks a proxy several times, one after another, as the go command waits for answers.
func measure(f *Facts, ctx context.Context, base *url.URL, v module.Version) (a answer) {
	_, a.others = goproxy.Credentials(f.Env["GOAUTH"])
	path, err := module.EscapePath(v.Path)
	if err != nil {
		a.err = err
		return a
	}
	target := base.JoinPath(path, "@v", v.Version+".info")
	var took []time.Duration
	for range samples {
		start := time.Now()
		a.reply = f.ask(ctx, http.MethodGet, target)
		if a.err != nil {
			return a
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	a.median = took[len(took)/2]
	if a.status == http.StatusOK {
		_, a.strange = upstream.ParseInfo(v.Path, v.Version, a.data)
	}
	a.sumdb = supports(f, ctx, base)
	return a
}

// supports says whether a proxy passes on the checksum database.
func supports(f *Facts, ctx context.Context, base *url.URL) string {
	id, err := checksumdb.Identify(f.Env["GOSUMDB"])
	if err != nil || id.Base != nil {
		return ""
	}
	r := f.ask(ctx, http.MethodGet, base.JoinPath("sumdb", id.Name, "supported"))
	switch {
	case r.err != nil:
		return "unknown"
	case r.status == http.StatusOK:
		return "supported"
	case r.status == http.StatusNotFound || r.status == http.StatusGone:
		return "not supported"
	}
	return fmt.Sprintf("status %d", r.status)
}

// probe is a module that may be asked for: one of go.mod that is not private.
func (f *Facts) probe() module.Version {
	if f.Mod != nil {
		for _, r := range f.Mod.Require {
			if !f.isPrivate(r.Mod.Path) && !r.Indirect && replacedBy(f.Mod, r.Mod) == nil {
				return r.Mod
			}
		}
	}
	return asked
}

// withLogin is the URL of a proxy with what .netrc has for it.
func (f *Facts) withLogin(u *url.URL) *url.URL {
	return goproxy.WithLogin(u, f.Env["GOAUTH"], f.Login)
}

// A reply is what a server has answered.
type reply struct {
	status int
	text   string // what it says about an error
	data   []byte
	err    error // there is no answer; it does not show passwords
}

// ask sends one request, with what .netrc has for its host.
func (f *Facts) ask(ctx context.Context, method string, u *url.URL) (r reply) {
	req, err := http.NewRequestWithContext(ctx, method, f.withLogin(u).String(), nil)
	if err != nil {
		return reply{err: errors.New("invalid URL")}
	}
	resp, err := f.client.Do(req)
	if err != nil {
		var wrapped *url.Error // names the URL with all that is in it
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return reply{err: err}
	}
	defer resp.Body.Close()
	r.status = resp.StatusCode
	r.data, r.err = io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if r.status != http.StatusOK && strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
		r.text = strings.Join(strings.Fields(strings.ToValidUTF8(string(r.data), "?")), " ")
	}
	if len(r.text) > 200 {
		r.text = r.text[:200] + "..."
	}
	return r
}

// judge says what answers mean for who depends on the proxy. backup says that it matters only for
// what others do not have.
func (a answer) judge(u *url.URL, backup bool) finding.Finding {
	name, bad := redact.URL(u), finding.Failf
	if backup {
		bad = finding.Warnf
	}
	if a.text != "" {
		a.text = ": " + a.text
	}
	switch {
	case a.err != nil:
		return bad(networkRemedy(a.err, u), "%s does not answer: %v", name, a.err)
	case (a.status == http.StatusUnauthorized || a.status == http.StatusForbidden) && a.others:
		return unknown("%s answers %d%s without credentials, and GOAUTH gives them to the go command alone", name, a.status, a.text)
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden:
		return bad(finding.Advise("put a line 'machine "+u.Hostname()+" login USER password TOKEN' into ~/.netrc, or set GOAUTH"), "%s answers %d%s: it wants other credentials", name, a.status, a.text)
	case a.status >= 500 || a.status == http.StatusTooManyRequests:
		return bad(finding.Advise("ask who runs it; meanwhile name another proxy: go env -w GOPROXY=..."), "%s answers %d%s", name, a.status, a.text)
	case a.status >= 300 && a.status != http.StatusNotFound && a.status != http.StatusGone:
		return bad(finding.Advise("correct its URL in GOPROXY"), "%s answers %d%s: this is no module proxy", name, a.status, a.text)
	case a.strange != nil:
		return bad(finding.Advise("correct its URL in GOPROXY, or log in where the network demands it: go commands get this answer, too"), "%s answers 200 with what no module proxy says: %v", name, a.strange)
	case a.median > slowProxy:
		return finding.Warnf(finding.Advise("use a nearer proxy, or one with a cache: gocache proxy"), "%s answers in %v, the median of %d", name, a.median.Round(time.Millisecond), samples)
	}
	text := fmt.Sprintf("%s answers %d in %v, the median of %d", name, a.status, a.median.Round(100*time.Microsecond), samples)
	if a.sumdb != "" {
		text += "; checksum database: " + a.sumdb
	}
	return finding.Okf("%s", text)
}

// networkRemedy is what helps when there was no answer.
func networkRemedy(err error, u *url.URL) finding.Remedy {
	text := err.Error()
	switch {
	case strings.Contains(text, "certificate"):
		return finding.Advise("add the authority of its certificate to those of the system, or name the file with it in SSL_CERT_FILE")
	case strings.Contains(text, "proxyconnect") || strings.Contains(text, "Proxy"):
		return finding.Advise("correct HTTPS_PROXY and HTTP_PROXY, or add " + u.Hostname() + " to NO_PROXY")
	case strings.Contains(text, "no such host"):
		return finding.Advise("see whether the name is right and the network has it: " + u.Hostname())
	}
	return finding.Run("curl -v " + finding.Word(redact.URL(u))).With("shows whether it can be reached from here")
}
