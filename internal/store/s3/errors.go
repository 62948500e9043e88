package s3

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/wire"
)

// newRetryer retries what may succeed the next time: 5xx, throttling, timeouts, broken connections.
// It never retries errors that transport marks as final. expired is called when the server says
// that the credentials of a request have expired, and must see to it that the next request gets new
// ones; it is nil for requests without credentials.
func newRetryer(attempts int, expired func()) aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = attempts
		// Without the SDK's quota of retries for the whole process, which one SlowDown in each of
		// many parallel transfers would use up. The attempts of each request are bounded.
		o.RateLimiter = ratelimit.None
		o.Backoff = retry.BackoffDelayerFunc(func(try int, _ error) (time.Duration, error) { return wire.Backoff(try), nil })
		o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
			if expired != nil && isExpired(err) {
				expired()
				return aws.TrueTernary
			}
			return retryable(err)
		})}, o.Retryables...)
	})
}

func retryable(err error) aws.Ternary {
	var ne *netError
	var ce *credentialError
	switch {
	case errors.As(err, &ce):
		return aws.FalseTernary
	case errors.As(err, &ne):
		return aws.BoolTernary(!ne.Final)
	case isPage(err):
		return aws.TrueTernary
	case code(err) == "ConditionalRequestConflict" && isPutObject(err):
		// "409: retry the upload". A completion that gets this answer cannot be retried.
		return aws.TrueTernary
	case code(err) == "ExistingObjectIsDirectory" && isPutObject(err):
		// versitygw removes a directory with its last object, without locking out writers below it.
		// This is its answer to a write that came in between; nothing was written.
		return aws.TrueTernary
	case saysRetryable(err):
		return aws.UnknownTernary
	case status(err) == http.StatusNotImplemented, isDenial(err):
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}

// saysRetryable reports whether the SDK itself marked an answer as retryable: a denial because the
// clock is wrong, for which it corrects the time before it signs again.
func saysRetryable(err error) bool {
	var r interface{ RetryableError() bool }
	return errors.As(err, &r) && r.RetryableError()
}

func isExpired(err error) bool {
	c := code(err)
	return c == "ExpiredToken" || c == "TokenRefreshRequired"
}

// isPage recognises a successful answer that is not XML, such as the page of a proxy.
func isPage(err error) bool {
	var de *smithy.DeserializationError
	return status(err)/100 == 2 && errors.As(err, &de)
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func status(err error) int {
	var resp interface{ HTTPStatusCode() int }
	if errors.As(err, &resp) {
		return resp.HTTPStatusCode()
	}
	return 0
}

// isPutObject reports whether an error is the answer to a PutObject. It looks at the request,
// because the retryer does not learn the name of the operation.
func isPutObject(err error) bool {
	var resp *smithyhttp.ResponseError
	if !errors.As(err, &resp) || resp.Response == nil || resp.Response.Request == nil {
		return false
	}
	req := resp.Response.Request
	return req.Method == http.MethodPut && !req.URL.Query().Has("uploadId")
}

// classify turns an error of the SDK into one of the contract. It keeps what the server said and
// removes the SDK's layers of wrapping.
func (a *api) classify(ctx context.Context, err error) error {
	var ne *netError
	var ce *credentialError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil: // first, because a cancelled request also looks like a broken one
		return ctx.Err()
	case errors.Is(err, errUnsignedWrite):
		return fmt.Errorf("%w: %w", store.ErrReadOnly, a.access.credentials.nothing())
	case errors.As(err, &ce):
		return fmt.Errorf("%w: %w", store.ErrDenied, ce)
	case errors.As(err, &ne):
		return fmt.Errorf("%w: %s: %w%s", store.ErrUnreachable, a.opts.server(), ne, a.opts.hint(ne))
	}
	if isPage(err) {
		return fmt.Errorf("%w: %s: http %d, and %w", store.ErrUnreachable, a.opts.server(), status(err), errForeign)
	}
	if code(err) == "NoSuchKey" {
		a.access.sawBucket()
	}
	if r := redirect(err); r != nil {
		r.region, r.asked = bucketRegion(err), a.opts.Region
		return r
	}
	if isDenial(err) {
		return a.access.meaning(&answer{sentinel: store.ErrDenied, err: err})
	}
	if sentinel := meaning(code(err), status(err)); sentinel != nil {
		return a.access.meaning(&answer{sentinel: sentinel, err: err})
	}
	return &answer{err: err}
}

// RedirectError says that requests must go elsewhere: the bucket is in another region or behind
// another endpoint.
type RedirectError struct {
	*answer
	region string // of the bucket, as the answer says; may be empty
	asked  string // to which the request went; empty: that of the SDK's chain
}

func (e *RedirectError) Error() string {
	text := e.answer.Error()
	if e.region != "" {
		text += ": the bucket is in " + e.region
	}
	if e.asked != "" {
		text += ", asked was " + e.asked
	}
	return text
}

// Region is where the answer says that the bucket is, or "".
func (e *RedirectError) Region() string { return e.region }

// Unwrap lets errors.As find the answer, and errors.Is what it means.
func (e *RedirectError) Unwrap() error { return e.answer }

// redirect recognises an answer that points elsewhere. "Error responses" in the Amazon S3 API
// reference lists the statuses and codes; 302 comes from gateways.
func redirect(err error) *RedirectError {
	switch code(err) {
	case "PermanentRedirect", "TemporaryRedirect", "Redirect", "MovedPermanently", "IllegalLocationConstraintException":
	case "AuthorizationHeaderMalformed":
		if bucketRegion(err) == "" {
			return nil
		}
	default:
		if status(err) != http.StatusMovedPermanently && status(err) != http.StatusFound {
			return nil
		}
	}
	return &RedirectError{answer: &answer{sentinel: store.ErrMoved, err: err}}
}

// bucketRegion returns the region that an answer names: in a header, or for
// AuthorizationHeaderMalformed in its text, "the region 'us-east-1' is wrong; expecting
// 'eu-west-3'".
func bucketRegion(err error) string {
	var resp *smithyhttp.ResponseError
	if errors.As(err, &resp) && resp.Response != nil {
		if r := resp.Response.Header.Get("x-amz-bucket-region"); isRegion(r) {
			return r
		}
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		if _, rest, ok := strings.Cut(api.ErrorMessage(), "expecting "); ok && rest != "" {
			quote := rest[:1] // versitygw has double quotes
			if r, _, _ := strings.Cut(rest[1:], quote); strings.ContainsAny(quote, `'"`) && isRegion(r) {
				return r
			}
		}
	}
	return ""
}

// isRegion reports whether r looks like the name of a region. Other text from a server must not get
// into messages.
func isRegion(r string) bool {
	return r != "" && len(r) <= 40 && strings.Trim(r, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// meaning maps an error code, or else a status, to an error of the contract. Codes come first,
// because a status can mean several things: 404 a missing object or bucket, 400 even an invalid
// token. Answers to HEAD have no code. See "Error responses" in the Amazon S3 API reference.
func meaning(code string, status int) error {
	switch code {
	case "NoSuchKey", "NotFound":
		return store.ErrNotFound
	case "NoSuchBucket", "InvalidBucketName":
		return store.ErrNoStore
	case "PreconditionFailed", "ConditionalRequestConflict":
		return store.ErrConflict
	case "NotImplemented", "InvalidStorageClass":
		return store.ErrUnsupported
	}
	switch {
	case status == http.StatusNotImplemented:
		return store.ErrUnsupported
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return store.ErrDenied
	case status == http.StatusPreconditionFailed:
		return store.ErrConflict
	case status >= 500 || status == http.StatusTooManyRequests:
		return store.ErrUnreachable
	}
	return nil
}

// answer is an error that says in one line what the server answered. The SDK's own text has request
// IDs, host IDs and three levels of wrapping; errors.As still finds those.
type answer struct {
	sentinel error
	err      error
}

func (a *answer) Error() string {
	text := ""
	if a.sentinel != nil {
		text = a.sentinel.Error() + ": "
	}
	if st := status(a.err); st != 0 {
		text += fmt.Sprintf("http %d ", st)
	}
	var api smithy.APIError
	if !errors.As(a.err, &api) {
		return text + a.err.Error()
	}
	code, message := api.ErrorCode(), api.ErrorMessage()
	if code == "UnknownError" { // the SDK's code for an answer without one, such as that to a HEAD
		code = ""
	}
	if message == "UnknownError" || message == code || code != "" && message == http.StatusText(status(a.err)) {
		message = ""
	}
	switch {
	case code != "" && message != "":
		text += code + ": " + message
	case code+message != "":
		text += code + message
	default:
		text += http.StatusText(status(a.err))
	}
	if code == "RequestTimeTooSkewed" {
		text += " (is the clock right?)"
	}
	return strings.TrimSpace(text)
}

func (a *answer) Is(target error) bool {
	return a.sentinel != nil && target == a.sentinel || isReason(code(a.err), target)
}

func (a *answer) Unwrap() error { return a.err }

// hint suggests a fix for the most frequent mistake with servers other than Amazon's.
func (o *Options) hint(err error) string {
	var dns *net.DNSError
	if o.Endpoint != "" && !o.PathStyle && errors.As(err, &dns) {
		return " (does it need path-style=true?)"
	}
	return ""
}

// server names who is asked, in errors.
func (o *Options) server() string { return cmp.Or(o.Endpoint, "s3") }
