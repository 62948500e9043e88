package actions

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/store"
)

// ErrNoService: the server is none with version 2 of the cache service.
var ErrNoService = fmt.Errorf("%w: this server has no cache service of version 2", store.ErrUnsupported)

// answer is one without what was asked for.
type answer struct {
	status   int
	code     string // that Twirp or Azure gives
	text     string
	sentinel error // of package store, or errTaken; nil: none fits
}

func (a *answer) Error() string {
	var parts []string
	if a.sentinel != nil {
		parts = append(parts, a.sentinel.Error())
	}
	if a.status != http.StatusOK {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("http %d %s", a.status, http.StatusText(a.status))))
	}
	if text := cmp.Or(a.text, a.code); text != "" {
		parts = append(parts, text)
	}
	return strings.Join(parts, ": ")
}

func (a *answer) Unwrap() error { return a.sentinel }

// limitError says that the repository has sent too many requests.
type limitError struct {
	after time.Duration
	text  string
}

func (e *limitError) Error() string {
	return strings.TrimSuffix(fmt.Sprintf("%v: too many requests of the repository; the service asks to wait for %v: %s", store.ErrUnreachable, e.after, e.text), ": ")
}

func (e *limitError) Is(target error) bool { return target == store.ErrUnreachable }

// maxText bounds what is repeated of an answer.
const maxText = 300

// refused reads an answer of the service that is an error.
func refused(resp *http.Response, body []byte, now time.Time) error {
	var e struct{ Code, Msg, Message string }
	isTwirp := json.Unmarshal(body, &e) == nil && e.Code+e.Msg+e.Message != ""
	text := oneLine(cmp.Or(e.Msg, e.Message))
	if resp.StatusCode == http.StatusTooManyRequests || e.Code == "resource_exhausted" {
		return &limitError{retryAfter(resp.Header.Get("Retry-After"), now), text}
	}
	a := &answer{status: resp.StatusCode, code: e.Code, text: text, sentinel: meaning(resp.StatusCode, e.Code)}
	if isWriteDenied(text) {
		a.sentinel = store.ErrReadOnly
	}
	if resp.StatusCode == http.StatusNotFound && (!isTwirp || e.Code == "bad_route") {
		a.sentinel, a.text = ErrNoService, ""
	}
	return a
}

func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return text[:min(len(text), maxText)]
}

// meaning returns what an answer of the service says about the store.
func meaning(status int, code string) error {
	switch {
	case status == http.StatusConflict || code == "already_exists":
		return errTaken
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusProxyAuthRequired,
		code == "unauthenticated", code == "permission_denied":
		return store.ErrDenied
	case status == http.StatusNotImplemented, code == "unimplemented":
		return store.ErrUnsupported
	case status == http.StatusRequestTimeout, status/100 == 5:
		return store.ErrUnreachable
	case status/100 == 3:
		return store.ErrMoved
	}
	return nil
}

// usualRetry is how long to wait where the service does not say.
const usualRetry = 10 * time.Second

// retryAfter reads the header, which is a number of seconds or a date.
func retryAfter(text string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(strings.TrimSpace(text)); err == nil && n >= 0 {
		return time.Duration(min(n, 86400)) * time.Second
	}
	if t, err := http.ParseTime(text); err == nil {
		return max(t.Sub(now), 0)
	}
	return usualRetry
}
