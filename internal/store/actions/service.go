package actions

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/wire"
)

// twirp is where the methods of the service are, below its URL.
const twirp = "/twirp/github.actions.results.api.v1.CacheService/"

// Kinds of requests to the service, as they are counted.
const (
	countLookup   = "LOOKUP"
	countCreate   = "CREATE"
	countFinalize = "FINALIZE"
)

// maxKeys is how many keys the service takes in one lookup.
const maxKeys = 10

// errTaken: the key is reserved, or there is an entry with it.
var errTaken = errors.New("the key is taken")

// errTakenAgain is errTaken for a request that was repeated, as no answer came: perhaps the first
// one has taken the key.
var errTakenAgain = fmt.Errorf("%w, perhaps by this save", errTaken)

// service is the part of the cache service that keeps keys. Its fields do not change.
type service struct {
	base     string // of the methods
	token    string
	http     http.RoundTripper
	counter  *store.Counter
	attempts int
	throttle throttle // guards itself
}

// match is an entry that a lookup found.
type match struct {
	key, url string
	at       time.Time // when the URL was made
}

// lookup finds an entry. In each scope, in their order, the service looks for the keys in their
// order: for an entry with this key, then for the newest one whose key begins so. ok is false for a
// miss.
func (s *service) lookup(ctx context.Context, keys ...string) (m match, ok bool, err error) {
	in := map[string]any{"key": keys[0], "restore_keys": keys[:min(len(keys), maxKeys)], "version": version}
	var out struct {
		OK       bool   `json:"ok"`
		URL      string `json:"signed_download_url"`
		CamelURL string `json:"signedDownloadUrl"`
		Key      string `json:"matched_key"`
		CamelKey string `json:"matchedKey"`
	}
	m.at = s.throttle.now()
	err = s.call(ctx, countLookup, "GetCacheEntryDownloadURL", in, &out)
	var a *answer
	if errors.As(err, &a) && (a.code == "not_found" || isReadDenied(a.text)) {
		return match{}, false, nil
	}
	if err != nil || !out.OK {
		return match{}, false, err
	}
	m.key, m.url = cmp.Or(out.Key, out.CamelKey), cmp.Or(out.URL, out.CamelURL)
	for _, k := range keys {
		if strings.HasPrefix(m.key, k) {
			return m, true, checkURL(m.url)
		}
	}
	return match{}, false, nil // a service that compares in another way
}

// create reserves a key and returns the URL for its content, or errTaken.
func (s *service) create(ctx context.Context, key string) (string, error) {
	var out struct {
		OK      bool   `json:"ok"`
		URL     string `json:"signed_upload_url"`
		Camel   string `json:"signedUploadUrl"`
		Message string `json:"message"`
	}
	tries, err := s.tries(ctx, countCreate, "CreateCacheEntry", map[string]any{"key": key, "version": version}, &out)
	switch {
	case errors.Is(err, errTaken) && tries > 1:
		return "", fmt.Errorf("%w: %w", errTakenAgain, err)
	case err != nil:
		return "", err
	case out.OK:
		to := cmp.Or(out.URL, out.Camel)
		return to, checkURL(to)
	case isWriteDenied(out.Message):
		return "", &answer{status: http.StatusOK, text: oneLine(out.Message), sentinel: store.ErrReadOnly}
	case strings.Contains(strings.ToLower(out.Message), "already exist"):
		return "", errTaken
	}
	return "", &answer{status: http.StatusOK, text: cmp.Or(oneLine(out.Message), "the reservation is refused"), sentinel: store.ErrDenied}
}

// isReadDenied reports whether the service lets the job read no caches: it is as if there were
// none.
func isReadDenied(message string) bool {
	return strings.HasPrefix(strings.ToLower(message), "cache read denied")
}

// isWriteDenied reports whether the service refuses to write because of what the job is.
func isWriteDenied(message string) bool {
	return strings.HasPrefix(strings.ToLower(message), "cache write denied")
}

// finalize makes an entry of what was uploaded under a reserved key.
func (s *service) finalize(ctx context.Context, key string, size int64) error {
	in := map[string]any{"key": key, "version": version, "size_bytes": strconv.FormatInt(size, 10)}
	var out struct {
		OK      bool   `json:"ok"`
		Message string `json:"message"`
	}
	if err := s.call(ctx, countFinalize, "FinalizeCacheEntryUpload", in, &out); err != nil {
		return err
	}
	if !out.OK {
		return &answer{status: http.StatusOK, text: cmp.Or(oneLine(out.Message), "the entry was not accepted")}
	}
	return nil
}

// checkURL accepts what a request can be sent to. The text is not repeated: it has a signature.
func checkURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%w: the service answers with something that is not a URL", store.ErrUnsupported)
	}
	return nil
}

// call sends a request until it succeeds, fails for good, or no attempt is left.
func (s *service) call(ctx context.Context, kind, method string, in, out any) error {
	_, err := s.tries(ctx, kind, method, in, out)
	return err
}

// tries is call, and says how often the request was sent.
func (s *service) tries(ctx context.Context, kind, method string, in, out any) (try int, err error) {
	body, err := json.Marshal(in)
	if err != nil {
		return 0, err
	}
	for try = 1; ; try++ {
		began := s.throttle.now()
		err := s.once(ctx, kind, method, body, out)
		if err == nil {
			return try, nil
		}
		if ctx.Err() != nil {
			return try, store.Ended(ctx)
		}
		var limit *limitError
		if errors.As(err, &limit) {
			if !s.throttle.wait(ctx, began, limit.after) {
				return try, cmp.Or(store.Ended(ctx), err)
			}
			try-- // it was not even tried
			continue
		}
		if try >= s.attempts || !wire.WorthRepeating(err) {
			return try, err
		}
		if !store.Sleep(ctx, wire.Backoff(try)) {
			return try, store.Ended(ctx)
		}
	}
}

// maxAnswer bounds the answers of the service, which have some hundred bytes.
const maxAnswer = 1 << 20

func (s *service) once(ctx context.Context, kind, method string, body []byte, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+method, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", userAgent)
	s.counter.Add(kind)
	resp, err := s.http.RoundTrip(req)
	if err != nil {
		return unanswered(ctx, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return unanswered(ctx, err)
	}
	if resp.StatusCode != http.StatusOK {
		return refused(resp, data, s.throttle.now())
	}
	if err := json.Unmarshal(data, out); err != nil {
		return &answer{status: resp.StatusCode, text: "not an answer of the cache service", sentinel: store.ErrUnreachable}
	}
	return nil
}

const userAgent = "gocache"

// unanswered classifies why a request got no answer.
func unanswered(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return store.Ended(ctx)
	}
	var ne *wire.Error
	if errors.As(err, &ne) {
		return fmt.Errorf("%w: %w", store.ErrUnreachable, ne)
	}
	return fmt.Errorf("%w: %w", store.ErrUnreachable, &wire.Error{Err: err})
}
