package gcs

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/rest"
)

// refused reads an answer that is an error: JSON, or a line of text where bytes were asked for.
// https://cloud.google.com/storage/docs/json_api/v1/status-codes
func (s *bucket) refused(kind string, resp *http.Response) *rest.Answer {
	a := &rest.Answer{Status: resp.StatusCode, Sentinel: rest.Meaning(resp.StatusCode)}
	data := rest.Text(resp)
	a.Code, a.Message = parseError(data)
	html := strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html")
	if a.Message == "" && !html {
		a.Message = rest.Line(string(data))
	}
	lower := strings.ToLower(a.Message)
	switch {
	case a.Sentinel == store.ErrNotFound && strings.Contains(lower, "bucket does not exist"):
		a.Sentinel = store.ErrNoStore
	case a.Sentinel == store.ErrDenied && (kind == rest.Get || kind == rest.Head) && strings.Contains(lower, "or it may not exist"):
		a.Sentinel = store.ErrHidden
		a.Message += " (the role Storage Object Viewer lets a job see whether an object exists)"
	case a.Status == http.StatusBadRequest && strings.Contains(lower, "bucket name"):
		a.Sentinel = store.ErrNoStore
	case a.Status == http.StatusForbidden && (a.Code == "rateLimitExceeded" || a.Code == "userRateLimitExceeded"):
		a.Sentinel = store.ErrUnreachable
	case a.Status == http.StatusBadRequest && strings.Contains(lower, "requester pays"):
		a.Sentinel = store.ErrUnsupported
	}
	return a
}

// parseError reads the reason and the message of an error; both are "" if it has none.
func parseError(data []byte) (code, message string) {
	var body struct {
		Error struct {
			Message string
			Errors  []struct{ Reason string }
		}
	}
	if json.Unmarshal(data, &body) != nil {
		return "", ""
	}
	if len(body.Error.Errors) > 0 {
		code = rest.Line(body.Error.Errors[0].Reason)
	}
	return code, rest.Line(body.Error.Message)
}
