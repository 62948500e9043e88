package proxy

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/org/gocache-action/internal/proxy/memo"
	"github.com/org/gocache-action/internal/proxy/shelf"
	"github.com/org/gocache-action/internal/proxy/upstream"
)

// Lists, latest versions and what queries mean can change. They are relied on for a while, asked
// for anew after that, and where nobody answers, the stored ones are served as stale.

// answers finds what can change.
type answers struct{ files }

const (
	// staleTTL is how long a stale answer is given without asking again.
	staleTTL = 5 * time.Second
	// staleAfter is how long an upstream is waited for where there is a stale answer.
	staleAfter = 10 * time.Second
	// sourceDownTime is how long it is not waited for at all, once it has not answered.
	sourceDownTime = 10 * time.Second
)

// changing is one answer that can change.
type changing struct {
	what, path, query string
	name              shelf.Name
	ask               func(ctx context.Context) ([]byte, error)
	offline           func(ctx context.Context) ([]byte, error)
}

func (l answers) changing(ctx context.Context, c changing) (Answer, error) {
	key := c.what + " " + c.path + "@" + c.query
	for _, stale := range []bool{false, true} {
		k := key
		if stale {
			k = "stale " + key
		}
		if e, ok := l.remembered(c.what, k); ok {
			return Answer{Data: e.Data, Stale: stale, Read: e.Read}, e.Err
		}
	}
	return fly(ctx, l.core, key, func(ctx context.Context) (Answer, error) { return l.renew(ctx, c, key) })
}

// renew asks for an answer that is not relied on any more.
func (l answers) renew(ctx context.Context, c changing, key string) (Answer, error) {
	if l.o.Offline {
		data, err := c.offline(ctx)
		if err != nil {
			l.rememberAbsence(c.path, key, err)
			return Answer{}, err
		}
		l.o.Watch.Found(c.what, "store")
		l.o.Memo.Put(c.path, key, memo.Entry{Data: data}, l.o.ListTTL)
		return Answer{Data: data}, nil
	}
	was := l.lookUp(ctx, c.name)
	data, err := l.ask(ctx, c, was.ok)
	switch {
	case err == nil:
		l.o.Watch.Found(c.what, "upstream")
		l.o.Memo.Put(c.path, key, memo.Entry{Data: data}, l.o.ListTTL)
		if !was.ok || !bytes.Equal(was.data, data) {
			l.record(c.name, data)
		}
		return Answer{Data: data, Read: time.Now()}, nil
	case was.ok && upstream.IsOutage(err):
		l.o.Watch.Found(c.what, "stale")
		l.o.Log.Warn("stale answer", "what", c.what, "private", l.IsPrivate(c.path), "error", err)
		l.o.Memo.Put(c.path, "stale "+key, memo.Entry{Data: was.data}, staleTTL)
		return Answer{Data: was.data, Stale: true}, nil
	}
	l.rememberAbsence(c.path, key, err)
	return Answer{}, err
}

// ask asks the source. Where there is an older answer, it is not waited for long, and not at all
// when it has just not answered.
func (l answers) ask(ctx context.Context, c changing, older bool) ([]byte, error) {
	d := l.domain(c.path)
	if older && time.Now().UnixNano() < d.down.Load() {
		return nil, &upstream.Error{Kind: upstream.Outage, Source: d.source.String(), What: c.path, Err: errors.New("it has just not answered")}
	}
	if older {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, staleAfter)
		defer cancel()
	}
	data, err := c.ask(ctx)
	if err != nil && (ctx.Err() != nil || upstream.IsDown(err)) {
		d.down.Store(time.Now().Add(sourceDownTime).UnixNano())
	}
	return data, err
}

// List returns the versions of a module, one a line.
func (l answers) List(ctx context.Context, path string) (Answer, error) {
	d := l.domain(path)
	return l.changing(ctx, changing{
		what: "list", path: path, name: d.shelf.List(path),
		ask: func(ctx context.Context) ([]byte, error) { return d.source.List(ctx, path) },
		offline: func(ctx context.Context) ([]byte, error) {
			versions, err := l.available(ctx, d, path)
			return []byte(strings.Join(append(slices.DeleteFunc(versions, module.IsPseudoVersion), ""), "\n")), err
		},
	})
}

// Latest returns the .info of the latest version, for modules without tagged ones.
func (l answers) Latest(ctx context.Context, path string) (Answer, error) {
	d := l.domain(path)
	return l.changing(ctx, changing{
		what: "latest", path: path, name: d.shelf.Latest(path),
		ask: func(ctx context.Context) ([]byte, error) { return d.source.Latest(ctx, path) },
		offline: func(ctx context.Context) ([]byte, error) {
			versions, err := l.available(ctx, d, path)
			if err != nil {
				return nil, err
			}
			a, err := l.info(ctx, module.Version{Path: path, Version: latest(versions)})
			return a.Data, err
		},
	})
}

// query returns the .info of the version that a branch, a commit or another query means.
func (l answers) query(ctx context.Context, path, query string) (Answer, error) {
	d := l.domain(path)
	name := d.shelf.Query(path, query)
	return l.changing(ctx, changing{
		what: "query", path: path, query: query, name: name,
		ask: func(ctx context.Context) ([]byte, error) { return d.source.Info(ctx, path, query) },
		offline: func(ctx context.Context) ([]byte, error) {
			s := l.lookUp(ctx, name)
			if s.ok {
				return s.data, nil
			}
			return nil, absence(path+"@"+query, s.err)
		},
	})
}

// available lists the versions that can be had without access: those with a module object that can
// be read, or where the store cannot be listed, those of the last known list.
func (l answers) available(ctx context.Context, d *domain, path string) (versions []string, err error) {
	list, err := d.shelf.Stored(ctx, path)
	if err == nil {
		list, err = d.shelf.Readable(ctx, path, list)
	}
	failed := l.storeFailed("list", err)
	if failed != nil {
		if s := l.lookUp(ctx, d.shelf.List(path)); s.ok {
			versions = strings.Fields(string(s.data))
		}
		list = nil
	}
	for _, v := range list {
		if l.isCertain(ctx, d, path, v) {
			versions = append(versions, v.Version)
		}
	}
	if len(versions) == 0 {
		return nil, absence(path, failed)
	}
	return versions, nil
}

// isCertain reports whether it is known which of the hashes of a version is right, if it has
// several.
func (l answers) isCertain(ctx context.Context, d *domain, path string, v shelf.Version) bool {
	if len(v.Sums) == 1 {
		return true
	}
	sums, err := l.sums(ctx, d, module.Version{Path: path, Version: v.Version})
	return err == nil && slices.Contains(v.Sums, sums.Sum)
}

// latest returns the version that the go command would take of a list that is in order: the highest
// release, or pre-release, or pseudo-version.
func latest(versions []string) string {
	best, rank := "", -1
	for _, v := range versions {
		r := 2
		switch {
		case module.IsPseudoVersion(v):
			r = 0
		case semver.Prerelease(v) != "":
			r = 1
		}
		if r > rank || r == rank && semver.Compare(v, best) > 0 {
			best, rank = v, r
		}
	}
	return best
}
