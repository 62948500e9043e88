package whymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/org/gocache-action/internal/goproxy"
	"github.com/org/gocache-action/internal/proxy"
	"github.com/org/gocache-action/internal/proxy/upstream"
	"github.com/org/gocache-action/internal/redact"
)

// An asker asks one proxy about one module.
type asker struct {
	client *http.Client
	base   *url.URL // with what .netrc has for it
	path   string   // escaped
	now    time.Time
}

// newAskers makes what asks the proxies of a route, with an element for each; nil where there is
// nothing to ask.
func newAskers(r Route, path string, o *Options) ([]Proxy, []*asker) {
	escaped, err := module.EscapePath(path)
	client := upstream.NewClient()
	var list []Proxy
	var askers []*asker
	for _, e := range r.elements {
		p, a := Proxy{Name: e.Name, FallBack: e.FallBack}, (*asker)(nil)
		if e.Name != "direct" && e.Name != "off" {
			p.IsURL = true
			u, parseErr := url.Parse(e.Name)
			if parseErr != nil || u.Scheme == "" || err != nil {
				p.Name, p.List.Error = redact.Text(e.Name), "this is not a URL"
			} else {
				p.Name = redact.URL(u)
				a = &asker{client: client, base: goproxy.WithLogin(u, o.Settings.GOAUTH, o.Login), path: escaped, now: o.Now}
			}
		}
		list, askers = append(list, p), append(askers, a)
	}
	return list, askers
}

// askProxy fills in what a proxy says about a module.
func (a *asker) askProxy(ctx context.Context, p *Proxy, query string) {
	var asked sync.WaitGroup
	asked.Go(func() { p.List = a.list(ctx, &p.Gocache) })
	asked.Go(func() { p.Latest = a.info(ctx, "@latest") })
	if isRevision(query) {
		asked.Go(func() { p.Query = a.version(ctx, query) })
	}
	asked.Wait()
}

// isRevision reports whether a query is one that proxies are asked about by its name. All others
// are answered by lists.
func isRevision(query string) bool {
	switch query {
	case "latest", "upgrade", "patch":
		return false
	}
	isPrefix := semver.IsValid(query) && semver.Canonical(query) != strings.TrimSuffix(query, semver.Build(query))
	return !strings.HasPrefix(query, "<") && !strings.HasPrefix(query, ">") && !isPrefix
}

// list asks for the versions.
func (a *asker) list(ctx context.Context, gocache *bool) Reply {
	r, h := a.get(ctx, "@v/list", upstream.MaxList)
	*gocache = h.Get("Server") == proxy.ServerName
	if !r.OK() {
		return r
	}
	clean, err := upstream.CleanList(r.data)
	if err != nil {
		r.Error = err.Error()
		return r
	}
	r.Versions = strings.Fields(string(clean))
	semver.Sort(r.Versions)
	return r
}

// version asks for the .info of a version, a branch or a commit.
func (a *asker) version(ctx context.Context, query string) Reply {
	escaped, err := module.EscapeVersion(query)
	if err != nil {
		return Reply{Error: err.Error()}
	}
	return a.info(ctx, "@v/"+escaped+".info")
}

func (a *asker) info(ctx context.Context, file string) Reply {
	r, _ := a.get(ctx, file, upstream.MaxInfo)
	if !r.OK() {
		return r
	}
	var info origin
	if err := json.Unmarshal(r.data, &info); err != nil || !semver.IsValid(info.Version) {
		r.Error = "what it answers is no .info"
		return r
	}
	r.Version, r.Commit = info.Version, info.Origin.Hash
	return r
}

// mod asks for a go.mod.
func (a *asker) mod(ctx context.Context, version string) []byte {
	escaped, err := module.EscapeVersion(version)
	if err != nil {
		return nil
	}
	r, _ := a.get(ctx, "@v/"+escaped+".mod", upstream.MaxMod)
	return r.data
}

// get gets a file of the module.
func (a *asker) get(ctx context.Context, file string, limit int64) (Reply, http.Header) {
	begin := time.Now()
	var r Reply
	h := http.Header{}
	if a.base.Scheme == "file" {
		r = a.getFile(file)
	} else {
		r, h = a.getHTTP(ctx, file, limit)
	}
	r.Took = time.Since(begin)
	r.Error = redact.Text(r.Error)
	return r, h
}

func (a *asker) getFile(file string) Reply {
	name := filepath.Join(goproxy.Directory(a.base), filepath.FromSlash(a.path), filepath.FromSlash(file))
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return Reply{Status: http.StatusNotFound, Error: "no such file", Age: -1}
	}
	if err != nil {
		return Reply{Error: err.Error(), Age: -1}
	}
	r := Reply{Status: http.StatusOK, data: data, Age: -1}
	if st, err := os.Stat(name); err == nil {
		r.Age = max(0, a.now.Sub(st.ModTime()))
	}
	return r
}

func (a *asker) getHTTP(ctx context.Context, file string, limit int64) (Reply, http.Header) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base.JoinPath(a.path, file).String(), nil)
	if err != nil {
		return Reply{Error: "invalid URL", Age: -1}, nil
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return Reply{Error: causeOf(ctx, err).Error(), Age: -1}, nil
	}
	defer resp.Body.Close()
	r := Reply{Status: resp.StatusCode, Age: ageOf(resp.Header, a.now), MaxAge: maxAgeOf(resp.Header), Stale: resp.Header.Get(proxy.StaleHeader) != ""}
	data, err := io.ReadAll(io.LimitReader(resp.Body, limit))
	switch {
	case err != nil:
		r.Error = causeOf(ctx, err).Error()
	case resp.StatusCode != http.StatusOK:
		r.Error = firstLine(resp, data)
	default:
		r.data = data
	}
	return r, resp.Header
}

// causeOf takes the URL, with all that is in it, out of an error, and says that the time is over.
func causeOf(ctx context.Context, err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer in time")
	}
	return err
}

// firstLine is what a proxy says beside a status.
func firstLine(resp *http.Response, data []byte) string {
	text := strings.ToValidUTF8(string(data[:min(len(data), 1<<10)]), "?")
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		text = ""
	}
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 300 {
		text = text[:300] + "..."
	}
	if text == "" {
		return http.StatusText(resp.StatusCode)
	}
	return text
}

// ageOf is how old an answer is: what caches on the way say, else how long ago it was made; -1 if
// nobody says.
func ageOf(h http.Header, now time.Time) time.Duration {
	if n, err := strconv.Atoi(h.Get("Age")); err == nil && n >= 0 {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(h.Get("Last-Modified")); err == nil {
		return max(0, now.Sub(t))
	}
	return -1
}

// maxAgeOf is how long an answer may be kept; 0 if it does not say.
func maxAgeOf(h http.Header) time.Duration {
	for part := range strings.SplitSeq(h.Get("Cache-Control"), ",") {
		if text, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(part)), "max-age="); ok {
			if n, err := strconv.Atoi(text); err == nil && n >= 0 {
				return time.Duration(n) * time.Second
			}
		}
	}
	return 0
}
