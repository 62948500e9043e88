package actions

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/wire"
)

// blobs reads and writes the content of entries, by signed URLs of Azure's blob storage. Its fields
// do not change.
type blobs struct {
	http     http.RoundTripper
	counter  *store.Counter
	attempts int
	size     int64 // of blocks
	slots    slots // bound the blocks that are in memory or on their way
	copies   bool  // every server can copy blocks
	free     bufferPool
}

// Kinds of requests for content, as they are counted.
const (
	countGet  = "GET"
	countPut  = "PUT"
	countCopy = "COPY"
)

// What an answer says about a signed URL.
var (
	errExpired = errors.New("the storage refuses the signed URL")
	errNoBlob  = errors.New("there is no such blob")
	errRange   = errors.New("range not satisfiable")
)

// apiVersion is the oldest one of Azure that has all that is used here.
const apiVersion = "2020-10-02"

// stalledSends is how often a block is sent if nothing moves: one connection can hang while the
// server answers others.
const stalledSends = 2

// content is the body of a request, which can be sent again.
type content struct {
	at   io.ReaderAt
	size int64
}

func contentOf(data []byte) content { return content{bytes.NewReader(data), int64(len(data))} }

// sending is a body that says when nobody reads it any more. net/http can go on reading after it
// has returned an error, and then its memory must not be used for anything else.
type sending struct {
	io.Reader
	done chan struct{}
}

func (s *sending) Close() error {
	select {
	case <-s.done:
	default:
		close(s.done)
	}
	return nil
}

// get asks for a range of a blob.
func (b *blobs) get(ctx context.Context, from, rangeHeader string) (*http.Response, error) {
	h := http.Header{"Accept-Encoding": {"identity"}} // sizes and ranges mean the stored bytes
	if rangeHeader != "" {
		h.Set("Range", rangeHeader)
	}
	return b.do(ctx, countGet, http.MethodGet, from, h, content{})
}

// putBlob writes a blob in one request.
func (b *blobs) putBlob(ctx context.Context, to string, c content) error {
	return b.write(ctx, countPut, to, "", http.Header{"X-Ms-Blob-Type": {"BlockBlob"}}, c)
}

// putBlock writes a block, which is not yet part of the blob.
func (b *blobs) putBlock(ctx context.Context, to, id string, c content) error {
	return b.write(ctx, countPut, to, "comp=block&blockid="+url.QueryEscape(id), http.Header{}, c)
}

// copyBlock writes a block that the server reads from another blob.
func (b *blobs) copyBlock(ctx context.Context, to, id, from string, off, length int64) error {
	h := http.Header{"X-Ms-Copy-Source": {from}, "X-Ms-Source-Range": {wire.RangeUpTo(off, off+length)}}
	return b.write(ctx, countCopy, to, "comp=block&blockid="+url.QueryEscape(id), h, content{})
}

// canCopy reports whether a server is known to copy blocks. Others may take an empty block instead,
// and say nothing.
func (b *blobs) canCopy(to string) bool {
	u, err := url.Parse(to)
	return err == nil && (b.copies || strings.HasSuffix(u.Hostname(), ".blob.core.windows.net"))
}

// putList makes the blob of blocks, in their order.
func (b *blobs) putList(ctx context.Context, to string, ids []string) error {
	type list struct {
		XMLName xml.Name `xml:"BlockList"`
		Latest  []string
	}
	data, err := xml.Marshal(list{Latest: ids})
	if err != nil {
		return err
	}
	data = append([]byte(xml.Header), data...)
	return b.write(ctx, countPut, to, "comp=blocklist", http.Header{"Content-Type": {"application/xml"}}, contentOf(data))
}

// put writes a blob of any size, in parallel blocks if it is large.
func (b *blobs) put(ctx context.Context, to string, c content) error {
	if c.size <= b.size {
		return b.putBlob(ctx, to, c)
	}
	n := -1
	ids, err := blockWriter{b, to, func() string { n++; return blockID(n) }}.view(ctx, c)
	if err != nil {
		return err
	}
	return b.putList(ctx, to, ids)
}

// write sends a request that is answered without a body. query is added to that of the URL, which
// is signed and stays as it is.
func (b *blobs) write(ctx context.Context, kind, to, query string, h http.Header, c content) error {
	if query != "" {
		sep := "?"
		if strings.Contains(to, "?") {
			sep = "&"
		}
		to += sep + query
	}
	resp, err := b.do(ctx, kind, http.MethodPut, to, h, c)
	if err != nil {
		return err
	}
	io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)) // so that the connection can be reused
	return resp.Body.Close()
}

// do sends a request until it succeeds, fails for good, or no attempt is left.
func (b *blobs) do(ctx context.Context, kind, method, to string, h http.Header, c content) (*http.Response, error) {
	h.Set("X-Ms-Version", apiVersion)
	h.Set("User-Agent", userAgent)
	for try := 1; ; try++ {
		b.counter.Add(kind)
		resp, err := b.once(ctx, method, to, h, c)
		if err == nil {
			return resp, nil
		}
		if ctx.Err() != nil {
			return nil, store.Ended(ctx)
		}
		var ne *wire.Error
		stalled := method == http.MethodPut && errors.As(err, &ne) && ne.Stalled && try < stalledSends
		if try >= b.attempts || !stalled && !wire.WorthRepeating(err) {
			return nil, b.of(to, err)
		}
		if !store.Sleep(ctx, wire.Backoff(try)) {
			return nil, store.Ended(ctx)
		}
	}
}

// of says of an answer that refuses which server gave it: it is not the service, and a proxy or a
// firewall can be in its place.
func (b *blobs) of(to string, err error) error {
	u, parseErr := url.Parse(to)
	if !errors.Is(err, store.ErrDenied) || parseErr != nil {
		return err
	}
	return fmt.Errorf("%s: %w", u.Host, err)
}

func (b *blobs) once(ctx context.Context, method, to string, h http.Header, c content) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, to, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: the signed URL cannot be used", store.ErrUnsupported) // without the URL
	}
	req.Header = h.Clone()
	if c.size > 0 {
		body := &sending{io.NewSectionReader(c.at, 0, c.size), make(chan struct{})}
		req.Body, req.ContentLength = body, c.size
		defer func() { <-body.done }()
	} else if method == http.MethodPut {
		req.Body = http.NoBody
	}
	resp, err := b.http.RoundTrip(req)
	if err != nil {
		return nil, unanswered(ctx, err)
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, refusedBlob(resp, method == http.MethodGet)
}

// refusedBlob reads an answer of the storage that is an error.
//
// Azure says AuthenticationFailed of a URL that has expired. It is worth another one if something
// is read; what is written then is refused as a whole.
func refusedBlob(resp *http.Response, reading bool) error {
	a := &answer{status: resp.StatusCode, code: oneLine(resp.Header.Get("X-Ms-Error-Code"))}
	switch status := resp.StatusCode; {
	case status == http.StatusForbidden && reading && (a.code == "AuthenticationFailed" || a.code == ""):
		a.sentinel = errExpired
	case status == http.StatusForbidden, status == http.StatusUnauthorized:
		a.sentinel = store.ErrDenied
	case status == http.StatusNotFound, status == http.StatusGone:
		a.sentinel = errNoBlob
	case status == http.StatusRequestedRangeNotSatisfiable:
		a.sentinel = errRange
	case status == http.StatusTooManyRequests:
		a.sentinel = store.ErrUnreachable
	case status == http.StatusBadRequest, status == http.StatusMethodNotAllowed:
		a.sentinel = store.ErrUnsupported
	default:
		a.sentinel = meaning(status, "")
	}
	return a
}

// blockID names a block. All of a blob have names of the same length. This is the form of those
// that the client of GitHub makes, 48 bytes that end in the number: some servers accept no other.
func blockID(n int) string {
	return base64Std(fmt.Sprintf("gocache-block-%034d", n))
}
