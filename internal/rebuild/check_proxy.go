package rebuild

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/goproxy"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/proxy/upstream"
)

// Bounds of the questions.
const (
	askTime  = 30 * time.Second // for one answer
	maxHosts = 4                // repositories that are asked, one of each host and owner
)

// errAbsent means that a proxy does not have a version: the next one is asked.
var errAbsent = errors.New("it does not have it")

// errOwnLogin means that a proxy wants credentials, which the go command alone has.
var errOwnLogin = errors.New("it wants credentials, which GOAUTH gives to the go command alone")

// proxies asks for one module of go.sum as the go command would: the next proxy after a comma only
// if the one before does not have it. A private module that goes through proxies is asked for, too.
func (s Surroundings) proxies(ctx context.Context) finding.Finding {
	remedy := finding.Run("gocache doctor --check proxy").With("shows more; or --force")
	var texts []string
	for _, v := range s.samples() {
		text, err := s.askChain(ctx, v)
		switch {
		case errors.Is(err, errOwnLogin):
			return finding.Warnf(finding.Run("go list -m "+v.String()).With("shows whether it takes them"), "unknown: %s: %v", v, err)
		case err != nil:
			return finding.Failf(remedy, "%s: %v", v, err)
		}
		texts = append(texts, text)
	}
	if len(texts) == 0 {
		return finding.Okf("not asked: go.sum names no module that comes from a proxy")
	}
	return finding.Okf("%s", strings.Join(texts, "\n"))
}

// samples are a public module of go.sum, and a private one that comes from a proxy.
func (s Surroundings) samples() (list []module.Version) {
	var public, private bool
	for _, v := range versions(s.Options) {
		if s.Zip[v] == "" || module.MatchPrefixPatterns(s.GONOPROXY, v.Path) {
			continue
		}
		have := &public
		if module.MatchPrefixPatterns(s.GONOSUMDB, v.Path) {
			have = &private
		}
		if !*have {
			*have, list = true, append(list, v)
		}
	}
	return list
}

// askChain asks the proxies of GOPROXY for a version until one has it.
func (s Surroundings) askChain(ctx context.Context, v module.Version) (text string, err error) {
	var failed []string
	var last error
	for _, e := range goproxy.Split(s.GOPROXY) {
		begin := time.Now()
		err := s.askOne(ctx, e.Name, v)
		name := redacted(e.Name)
		if err == nil {
			text := fmt.Sprintf("%s has %s (%d ms)", name, v, time.Since(begin).Milliseconds())
			return strings.Join(append([]string{text}, failed...), "; "), nil
		}
		last = err
		failed = append(failed, name+": "+strings.TrimPrefix(err.Error(), name+": "))
		if !e.FallBack && !errors.Is(err, errAbsent) {
			break
		}
	}
	return "", &chainError{strings.Join(failed, "; "), last}
}

// chainError is what all who were asked have said; it is the last of these errors.
type chainError struct {
	text string
	last error
}

func (e *chainError) Error() string { return e.text }
func (e *chainError) Unwrap() error { return e.last }

// askOne asks one element of GOPROXY.
func (s Surroundings) askOne(ctx context.Context, name string, v module.Version) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	switch name {
	case "off":
		return errors.New("it forbids to download")
	case "direct":
		return s.Direct(ctx, v)
	}
	u, err := url.Parse(name)
	switch {
	case err != nil:
		return errors.New("not a URL")
	case u.Scheme == "file":
		return askFile(u, v)
	}
	base := goproxy.WithLogin(u, s.GOAUTH, s.Login)
	_, err = (&upstream.HTTP{Base: base, Client: s.Client}).Info(ctx, v.Path, v.Version)
	_, others := goproxy.Credentials(s.GOAUTH)
	switch {
	case upstream.IsAbsent(err):
		return errAbsent
	case err != nil && others && upstream.KindOf(err) == upstream.Forbidden:
		return errOwnLogin
	}
	return err
}

// askFile looks into a directory that is laid out as a proxy.
func askFile(u *url.URL, v module.Version) error {
	dir := goproxy.Directory(u)
	if st, err := os.Stat(dir); err != nil {
		return err
	} else if !st.IsDir() {
		return errors.New("not a directory")
	}
	base, err := modcache.DownloadName(v)
	if err != nil {
		return err
	}
	_, rel, _ := strings.Cut(base, "/download/")
	_, err = os.Stat(filepath.Join(dir, filepath.FromSlash(rel)+".info"))
	if errors.Is(err, fs.ErrNotExist) {
		return errAbsent
	}
	return err
}

// redacted names an element of GOPROXY without its password.
func redacted(name string) string {
	u, err := url.Parse(name)
	if err != nil {
		return "an element that is not a URL"
	}
	u.User = nil
	return u.String()
}

// private asks the repositories of modules that come without a proxy, with the credentials that
// the go command has, for a version of go.sum: one for each host and owner.
func (s Surroundings) private(ctx context.Context) finding.Finding {
	seen := map[string]bool{}
	var asked []string
	for _, v := range versions(s.Options) {
		owner := ownerOf(v.Path)
		if s.Zip[v] == "" || !module.MatchPrefixPatterns(s.GONOPROXY, v.Path) || seen[owner] || len(seen) == maxHosts {
			continue
		}
		seen[owner] = true
		one, cancel := context.WithTimeout(ctx, askTime)
		err := s.Direct(one, v)
		cancel()
		if err != nil {
			return finding.Failf(finding.Advise("give git the credentials (git ls-remote must work without a prompt), or --force"), "%s: %v", v, err)
		}
		asked = append(asked, v.String())
	}
	if len(asked) == 0 {
		return finding.Okf("go.sum names none that comes without a proxy")
	}
	return finding.Okf("their repositories answer: %s", strings.Join(asked, ", "))
}

// ownerOf is the host and the first element of a module path.
func ownerOf(path string) string {
	elems := strings.SplitN(path, "/", 3)
	return strings.Join(elems[:min(2, len(elems))], "/")
}
