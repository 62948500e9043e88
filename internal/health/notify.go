package health

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
	"text/template"
	"time"
)

// A Notice is what a webhook is told, and what a template can use.
type Notice struct {
	Repository string `json:"repository"`
	Name       string `json:"name"`
	Scope      string `json:"scope"`
	Before     Grade  `json:"before,omitempty"` // "": this is the first one
	Report
}

// Body is the notice as JSON, or what a template makes of it, which must be JSON as well: chat
// services answer anything else with an error that says little. In a template {{json X}} quotes.
func (n Notice) Body(text string) ([]byte, error) {
	if text == "" {
		return json.Marshal(n)
	}
	t, err := template.New("webhook").Funcs(template.FuncMap{"json": quote}).Parse(text)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, n); err != nil {
		return nil, err
	}
	if !json.Valid(b.Bytes()) {
		return nil, fmt.Errorf("the template makes no valid JSON: %.200q", b.String())
	}
	return b.Bytes(), nil
}

// quote does not escape <, > and &: these may be what a chat service wants.
func quote(v any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return string(bytes.TrimRight(b.Bytes(), "\n")), err
}

// Attempts to tell a webhook, and the waits between them.
const (
	attempts  = 4
	firstWait = 500 * time.Millisecond
)

// errRetry: another attempt may help.
type errRetry struct {
	error
	after time.Duration // that the server asks for
}

func (e errRetry) Unwrap() error { return e.error }

// Notify posts a body to a webhook, several times if that may help, until ctx ends. No error has
// the URL.
func Notify(ctx context.Context, client *http.Client, hook string, body []byte) error {
	c := *client
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	wait := firstWait
	for try := 1; ; try++ {
		err := post(ctx, &c, hook, body)
		var again errRetry
		if err == nil || !errors.As(err, &again) || try == attempts {
			return named(err)
		}
		select {
		case <-ctx.Done():
			return named(fmt.Errorf("%w; no further attempt: %w", err, context.Cause(ctx)))
		case <-time.After(max(wait, again.after)):
			wait *= 2
		}
	}
}

func named(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("webhook: %w", err)
}

// maxRetryAfter bounds what a server can ask for.
const maxRetryAfter = 30 * time.Second

func post(ctx context.Context, client *http.Client, hook string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, hook, bytes.NewReader(body))
	if err != nil {
		return errors.New("invalid URL")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "gocache")
	resp, err := client.Do(req)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return errRetry{error: err}
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 200))
	switch {
	case resp.StatusCode < 300:
		return nil
	case resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode >= 500:
		n, _ := strconv.Atoi(cmp.Or(resp.Header.Get("Retry-After"), "0"))
		return errRetry{fmt.Errorf("%s: %q", resp.Status, text), min(time.Duration(max(n, 0))*time.Second, maxRetryAfter)}
	}
	return fmt.Errorf("%s: %q", resp.Status, text)
}
