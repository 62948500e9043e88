package checksumdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/org/gocache-action/internal/goproxy"
)

var dialer = net.Dialer{Timeout: connectTimeout}

// maxAnswer bounds an answer: records have less than a KiB, tiles 8 KiB.
const maxAnswer = 1 << 20

// remote sends the requests of a session.
type remote struct {
	ctx  context.Context
	db   *DB
	find sync.Once
	base *url.URL

	mu      sync.Mutex
	missing map[string]bool // paths that the database said do not exist
	down    error           // why it cannot be asked; stays
}

func (r *remote) fail(err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.down == nil {
		r.down = err
	}
	return r.down
}

func (r *remote) failed() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.down
}

func (r *remote) isMissing(path string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.missing[path]
}

// read gets a path of the database.
func (r *remote) read(path string) ([]byte, error) {
	r.find.Do(r.locate)
	if err := r.failed(); err != nil {
		return nil, err
	}
	data, err := r.get(r.base, path)
	if errors.Is(err, fs.ErrNotExist) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.missing[path] = true
		return nil, err
	}
	if err != nil {
		return nil, r.fail(err)
	}
	return data, nil
}

// Why no request may be sent.
var (
	errNoNetwork = errors.New("GOPROXY=off")
	errOffline   = errors.New("it is not asked")
)

// locate finds the URL of the database: GOSUMDB has it, or a proxy forwards requests, or it is the
// host in the name of the database. The proxies are asked in turn: the next one if a proxy does not
// support the database, but after an error only if the list allows that.
func (r *remote) locate() {
	if r.db.o.Offline {
		r.fail(errOffline)
		return
	}
	r.base = r.db.base
	if r.base != nil {
		return
	}
	direct := &url.URL{Scheme: "https", Host: r.db.name}
	if host, path, ok := strings.Cut(r.db.name, "/"); ok {
		direct.Host, direct.Path = host, "/"+path
	}
	r.base = direct
	if strings.TrimSpace(r.db.o.GOPROXY) == "off" {
		r.fail(errNoNetwork)
		return
	}
	for _, p := range goproxy.Split(r.db.o.GOPROXY) {
		if p.Name == "direct" || p.Name == "off" {
			return
		}
		u, err := url.Parse(p.Name)
		if err == nil && u.Scheme == "file" {
			continue
		}
		if err == nil {
			u = u.JoinPath("sumdb", r.db.name)
			_, err = r.get(u, "/supported")
		}
		switch {
		case err == nil:
			r.base = u
			return
		case errors.Is(err, fs.ErrNotExist) || p.FallBack:
		default:
			r.fail(err)
			return
		}
	}
}

// get sends one request. If the path does not exist, the error is fs.ErrNotExist. Errors do not
// show passwords in URLs.
func (r *remote) get(base *url.URL, path string) ([]byte, error) {
	u := base.JoinPath(path)
	req, err := http.NewRequestWithContext(r.ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%s: invalid URL", u.Redacted())
	}
	resp, err := r.db.o.Client.Do(req)
	if err != nil {
		var wrapped *url.Error // names the URL with all that is in it
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return nil, fmt.Errorf("%s: %w", u.Redacted(), err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusGone:
		return nil, fmt.Errorf("%s: %w", u.Redacted(), fs.ErrNotExist)
	default:
		return nil, fmt.Errorf("%s: %s", u.Redacted(), resp.Status)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(data) > maxAnswer {
		err = fmt.Errorf("more than %d bytes", maxAnswer)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", u.Redacted(), err)
	}
	return data, nil
}
