package upstream

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/goproxy"
)

// Parse reads a list like GOPROXY.
func Parse(list string) (out []goproxy.Element, err error) {
	for _, e := range goproxy.Split(list) {
		if err := checkElement(e.Name); err != nil {
			return nil, err
		}
		out = append(out, e)
		if e.Name == "direct" || e.Name == "off" {
			break // as the go command: nothing comes after them
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("the list of upstreams is empty")
	}
	return out, nil
}

// checkElement accepts what the go command does, but for file URLs: a directory store is for that.
func checkElement(name string) error {
	if name == "direct" || name == "off" {
		return nil
	}
	u, err := url.Parse(name)
	if err != nil { // its text may have a password
		return fmt.Errorf("an upstream is not a URL, direct or off")
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return fmt.Errorf("upstream %s: want https://host/path, direct or off", u.Redacted())
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("upstream %s: want no query and no fragment", u.Redacted())
	}
	return nil
}

// Chain asks sources in turn.
type Chain []Link

// A Link is a source of a chain.
type Link struct {
	Source
	FallBack bool
}

// try asks sources until one answers, or until the list does not allow to go on.
//
// The go command reports the last of several errors if that is of a repository. Here, where any of
// them is not that something is absent, that one is reported: what another source could not say is
// not absent for certain.
func (c Chain) try(ctx context.Context, ask func(Source) error) error {
	var worst error
	for _, l := range c {
		err := ask(l.Source)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
		if worst == nil || IsAbsent(worst) && !IsAbsent(err) {
			worst = err
		}
		if !l.FallBack && !IsAbsent(err) {
			break
		}
	}
	if worst == nil {
		worst = &Error{Kind: Absent, Source: "upstreams", What: "there are none"}
	}
	return worst
}

func (c Chain) bytes(ctx context.Context, ask func(Source) ([]byte, error)) (data []byte, err error) {
	err = c.try(ctx, func(s Source) (err error) {
		data, err = ask(s)
		return err
	})
	return data, err
}

// List implements Source.
func (c Chain) List(ctx context.Context, path string) ([]byte, error) {
	return c.bytes(ctx, func(s Source) ([]byte, error) { return s.List(ctx, path) })
}

// Latest implements Source.
func (c Chain) Latest(ctx context.Context, path string) ([]byte, error) {
	return c.bytes(ctx, func(s Source) ([]byte, error) { return s.Latest(ctx, path) })
}

// Info implements Source.
func (c Chain) Info(ctx context.Context, path, query string) ([]byte, error) {
	return c.bytes(ctx, func(s Source) ([]byte, error) { return s.Info(ctx, path, query) })
}

// Mod implements Source.
func (c Chain) Mod(ctx context.Context, v module.Version) ([]byte, error) {
	return c.bytes(ctx, func(s Source) ([]byte, error) { return s.Mod(ctx, v) })
}

// Zip implements Source.
func (c Chain) Zip(ctx context.Context, v module.Version, w Spool) error {
	return c.try(ctx, func(s Source) error { return s.Zip(ctx, v, w) })
}

func (c Chain) String() string {
	var names []string
	for _, l := range c {
		names = append(names, l.String())
	}
	return strings.Join(names, ", ")
}

// Off is the source that has nothing: "off" in a list. It forbids to ask anybody.
type Off struct{}

func (Off) refuse(what string) error {
	return &Error{Kind: Forbidden, Source: "off", What: what, Err: fmt.Errorf("the list of upstreams ends here")}
}

// List implements Source.
func (o Off) List(_ context.Context, path string) ([]byte, error) { return nil, o.refuse(path) }

// Latest implements Source.
func (o Off) Latest(_ context.Context, path string) ([]byte, error) { return nil, o.refuse(path) }

// Info implements Source.
func (o Off) Info(_ context.Context, path, query string) ([]byte, error) {
	return nil, o.refuse(path + "@" + query)
}

// Mod implements Source.
func (o Off) Mod(_ context.Context, v module.Version) ([]byte, error) {
	return nil, o.refuse(v.String())
}

// Zip implements Source.
func (o Off) Zip(_ context.Context, v module.Version, _ Spool) error { return o.refuse(v.String()) }

func (Off) String() string { return "off" }
