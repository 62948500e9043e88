// Package repocache removes entries of this program from the caches of a repository on GitHub that
// nobody needs any more, through the REST API. That sees the caches of all refs, but not what is in
// them; what they name, the cache service tells a job of those that it may read.
package repocache

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/actions"
	"github.com/org/gocache-action/internal/store/wire"
)

// ErrMayNot: the token does not allow it. It is store.ErrDenied, too.
var ErrMayNot = fmt.Errorf("%w: the token may not do that with the caches of the repository", store.ErrDenied)

// API is the REST API for the caches of one repository.
// https://docs.github.com/en/rest/actions/cache
type API struct {
	URL   string // such as https://api.github.com
	Repo  string // owner/name
	Token string
	// Transport sends the requests; nil: package wire, with the proxy of the environment.
	Transport http.RoundTripper
}

// A Cache is an entry, of any program.
type Cache struct {
	ID       int64     `json:"id"`
	Ref      string    `json:"ref"`
	Key      string    `json:"key"`
	Accessed time.Time `json:"last_accessed_at"`
	Created  time.Time `json:"created_at"`
	Size     int64     `json:"size_in_bytes"`
}

const (
	stall    = 30 * time.Second
	attempts = 4
	pageSize = 100 // at most
	maxPages = 1000
	// maxAnswer bounds a page, of which each entry takes some hundred bytes.
	maxAnswer = 8 << 20
	// longestWait is how long the API may ask to wait. Beyond, the next collection goes on.
	longestWait = time.Minute
)

// New returns the API with what it lacks.
func New(a API) *API {
	if a.Transport == nil {
		a.Transport = wire.New(wire.Options{Stall: stall, Idle: 4})
	}
	return &a
}

// String names it in messages.
func (a *API) String() string { return "caches of " + a.Repo }

// maxLists is how often the caches are listed, as they change meanwhile.
const maxLists = 6

// List returns all caches whose keys begin as those of this program do; those of one ref, unless
// that is "". Pages are counted from the oldest cache, so where one goes between two requests,
// another slides into a page that was read already. A list is complete that has as many caches as
// the API says all the time, or the same ones as the list before.
func (a *API) List(ctx context.Context, ref string) ([]Cache, error) {
	var before map[int64]bool
	for range maxLists {
		list, whole, err := a.listOnce(ctx, ref)
		if err != nil {
			return nil, fmt.Errorf("list the %s: %w", a, err)
		}
		ids := map[int64]bool{}
		list = slices.DeleteFunc(list, func(c Cache) bool {
			seen := ids[c.ID]
			ids[c.ID] = true
			return seen
		})
		if len(ids) == whole || before != nil && maps.Equal(ids, before) {
			return list, nil
		}
		before = ids
	}
	return nil, fmt.Errorf("list the %s: %w: they change all the time", a, store.ErrUnreachable)
}

// listOnce reads all pages. whole is how many caches there are, or -1 if that changed.
func (a *API) listOnce(ctx context.Context, ref string) (all []Cache, whole int, err error) {
	for page := 1; page <= maxPages; page++ {
		q := url.Values{
			"key": {actions.KeyPrefix}, "per_page": {strconv.Itoa(pageSize)}, "page": {strconv.Itoa(page)},
			"sort": {"created_at"}, "direction": {"asc"}, // so that new ones do not shift the pages
		}
		if ref != "" {
			q.Set("ref", ref)
		}
		var got struct {
			Total  int     `json:"total_count"`
			Caches []Cache `json:"actions_caches"`
		}
		if err := a.call(ctx, http.MethodGet, "?"+q.Encode(), &got); err != nil {
			return nil, 0, err
		}
		if page > 1 && got.Total != whole {
			got.Total = -1
		}
		whole = got.Total
		all = append(all, got.Caches...)
		if len(got.Caches) < pageSize {
			break
		}
	}
	return all, whole, nil
}

// Delete removes a cache. One that is gone is no error.
func (a *API) Delete(ctx context.Context, id int64) error {
	err := a.call(ctx, http.MethodDelete, "/"+strconv.FormatInt(id, 10), nil)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// call sends a request until it succeeds, fails for good, or no attempt is left. It waits once for
// as long as the API asks.
func (a *API) call(ctx context.Context, method, below string, out any) error {
	waited := false
	for try := 1; ; try++ {
		err := a.once(ctx, method, below, out)
		var busy *busyError
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return store.Ended(ctx)
		case errors.As(err, &busy):
			if waited || busy.after > longestWait {
				return err
			}
			waited = true
			if !store.Sleep(ctx, busy.after) {
				return store.Ended(ctx)
			}
		case !errors.Is(err, store.ErrUnreachable) || try >= attempts:
			return err
		case !store.Sleep(ctx, wire.Backoff(try)):
			return store.Ended(ctx)
		}
	}
}

// busyError says that the token has sent too many requests.
type busyError struct{ after time.Duration }

func (e *busyError) Error() string {
	return fmt.Sprintf("%v: the API has had too many requests, and asks to wait for %v", store.ErrUnreachable, e.after)
}

func (e *busyError) Is(target error) bool { return target == store.ErrUnreachable }

func (a *API) once(ctx context.Context, method, below string, out any) error {
	to := strings.TrimRight(a.URL, "/") + "/repos/" + a.Repo + "/actions/caches" + below
	req, err := http.NewRequestWithContext(ctx, method, to, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+a.Token)
	req.Header.Set("Accept", "application/vnd.github+json")
	req.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	req.Header.Set("User-Agent", "gocache")
	resp, err := a.Transport.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("%w: %w", store.ErrUnreachable, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%w: %w", store.ErrUnreachable, err)
	}
	if resp.StatusCode/100 != 2 {
		return refused(resp, data)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("%w: the answer is not one of the API of GitHub", store.ErrUnreachable)
	}
	return nil
}

// refused reads an answer that is an error.
func refused(resp *http.Response, data []byte) error {
	var e struct{ Message string }
	json.Unmarshal(data, &e) // or it has no message
	text := fmt.Sprintf("http %d: %.200s", resp.StatusCode, strings.Join(strings.Fields(cmp.Or(e.Message, http.StatusText(resp.StatusCode))), " "))
	if after, ok := asksToWait(resp); ok {
		return &busyError{after}
	}
	var is error
	switch code := resp.StatusCode; {
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		is = ErrMayNot
	case code == http.StatusNotFound:
		is = store.ErrNotFound // or a token that may not even see the repository
	case code/100 == 5, code == http.StatusRequestTimeout:
		is = store.ErrUnreachable
	case code/100 == 3:
		is = store.ErrMoved
	default:
		is = store.ErrUnsupported
	}
	return fmt.Errorf("%w: %s", is, text)
}

// asksToWait reports whether an answer is about the limits of requests, and how long to wait.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
func asksToWait(resp *http.Response) (time.Duration, bool) {
	if resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusForbidden {
		return 0, false
	}
	if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && n >= 0 {
		return time.Duration(n) * time.Second, true
	}
	if resp.Header.Get("X-RateLimit-Remaining") == "0" {
		reset, _ := strconv.ParseInt(resp.Header.Get("X-RateLimit-Reset"), 10, 64)
		return max(time.Until(time.Unix(reset, 0)), 0), true
	}
	return longestWait, resp.StatusCode == http.StatusTooManyRequests
}
