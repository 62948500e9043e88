package s3_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/s3"
	"github.com/org/gocache-action/internal/store/s3/s3test"
	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/internal/usage"
)

// frontOptions returns the options of a bucket behind a front.
func frontOptions(t *testing.T, g *storetest.Server) (s3.Options, *s3test.Front) {
	t.Helper()
	f := s3test.NewFront(t, g)
	o := options(g, newBucket(t, g))
	o.Endpoint = f.URL
	return o, f
}

var customerKey = &s3.CustomerKey{1, 2, 3, 31: 9}

// These are the headers of encryption. The tests know from the API reference which requests take
// them.
var (
	algorithmHeaders = []string{"X-Amz-Server-Side-Encryption", "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id", "X-Amz-Server-Side-Encryption-Bucket-Key-Enabled"}
	customerHeaders  = []string{"X-Amz-Server-Side-Encryption-Customer-Algorithm", "X-Amz-Server-Side-Encryption-Customer-Key", "X-Amz-Server-Side-Encryption-Customer-Key-Md5"}
	sourceHeaders    = []string{"X-Amz-Copy-Source-Server-Side-Encryption-Customer-Algorithm", "X-Amz-Copy-Source-Server-Side-Encryption-Customer-Key", "X-Amz-Copy-Source-Server-Side-Encryption-Customer-Key-Md5"}
)

// everyRequest sends every kind of request that the package uses, and reads back what it writes.
func everyRequest(t *testing.T, s *s3.Store) {
	t.Helper()
	ctx := context.Background()
	large := storetest.Content(1, 12<<20)
	// this looks up the bucket, too
	if _, err := s.Stat(ctx, "missing"); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
	mustPut(t, s, "small", []byte("one"))
	mustPut(t, s, "large", large)
	mustRead(t, s, "small", []byte("one"))
	if got, _, err := store.Get(ctx, s, "large", 1<<30); err != nil || !bytes.Equal(got, large) {
		t.Errorf("large: %d bytes, %v", len(got), err)
	}
	r, _, err := s.Open(ctx, "large", 6<<20, 10)
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	info, err := s.Stat(ctx, "small")
	if err != nil {
		t.Fatal(err)
	}
	// versitygw does not renew the time
	if err := s.Touch(ctx, "small"); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	breakOff(t, s)
	for _, err := range s.List(ctx, "") {
		if err != nil {
			t.Error(err)
		}
	}
	for u, err := range s.Uploads(ctx, "", time.Now().Add(time.Hour)) {
		t.Errorf("left behind: %v, %v", u, err)
	}
	if err := s.DeleteVersion(ctx, "small", info.Version); err != nil && !errors.Is(err, store.ErrConflict) {
		t.Error(err)
	}
	if failed := s.Delete(ctx, []string{"small", "large"}); failed != nil {
		t.Error(failed)
	}
}

var errBody = errors.New("the body breaks")

// breakOff uploads a body that breaks after its first part, once the upload is listed.
func breakOff(t *testing.T, s *s3.Store) {
	t.Helper()
	ctx := context.Background()
	body, w := io.Pipe()
	put := make(chan error, 1)
	go func() {
		_, err := s.Put(ctx, "broken", body, -1, store.Condition{})
		put <- err
	}()
	if _, err := w.Write(make([]byte, 6<<20)); err != nil {
		t.Fatal(err)
	}
	for size := int64(0); size == 0; { // wait for the part
		for u, err := range s.Uploads(ctx, "", time.Now().Add(time.Hour)) {
			if err != nil {
				t.Fatal(err)
			}
			size = u.Size
		}
	}
	w.CloseWithError(errBody)
	if err := <-put; !errors.Is(err, errBody) {
		t.Error(err)
	}
}

// TestHeadersOfRequests: each kind of request has the headers for encryption, storage class and
// payment that it takes, and no others, for which Amazon's server would answer 400.
func TestHeadersOfRequests(t *testing.T) {
	g := gateway(t)
	writes := []string{"PutObject", "CreateMultipartUpload"}
	withKey := []string{"PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "ListParts", "GetObject", "HeadObject", "CopyObject"}
	for _, c := range []struct {
		name string
		set  func(*s3.Options)
		want map[string][]string // header -> the operations that have it; nil: all
	}{
		{"nothing", func(*s3.Options) {}, nil},
		{"s3", func(o *s3.Options) { o.Encryption.Algorithm = s3.SSES3 }, map[string][]string{algorithmHeaders[0]: append(writes, "CopyObject")}},
		{"kms", func(o *s3.Options) {
			o.Encryption = s3.Encryption{Algorithm: s3.SSEKMS, KMSKeyID: "alias/cache", BucketKey: true}
		}, map[string][]string{
			algorithmHeaders[0]: append(writes, "CopyObject"), algorithmHeaders[1]: append(writes, "CopyObject"), algorithmHeaders[2]: append(writes, "CopyObject"),
		}},
		{"customer key", func(o *s3.Options) { o.Encryption.CustomerKey = customerKey }, map[string][]string{
			customerHeaders[0]: withKey, customerHeaders[1]: withKey, customerHeaders[2]: withKey,
			sourceHeaders[0]: {"CopyObject"}, sourceHeaders[1]: {"CopyObject"}, sourceHeaders[2]: {"CopyObject"},
		}},
		{"class and payer", func(o *s3.Options) { o.StorageClass, o.RequesterPays = "STANDARD_IA", true }, map[string][]string{
			"X-Amz-Storage-Class": writes, "X-Amz-Request-Payer": nil,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, f := frontOptions(t, g)
			f.Encrypts = true
			c.set(&o)
			everyRequest(t, openStore(t, o))
			seen := map[string]bool{}
			for _, r := range f.Requests() {
				seen[r.Operation] = true
				for _, header := range slices.Concat(algorithmHeaders, customerHeaders, sourceHeaders, []string{"X-Amz-Storage-Class", "X-Amz-Request-Payer"}) {
					ops, known := c.want[header]
					want := known && (ops == nil || slices.Contains(ops, r.Operation))
					// A touch copies an object, and keeps its storage class.
					if got := r.Header.Get(header) != ""; got != want && (header != "X-Amz-Storage-Class" || r.Operation != "CopyObject") {
						t.Errorf("%s has %s: %t", r.Operation, header, got)
					}
				}
			}
			for _, op := range append(withKey, "AbortMultipartUpload", "ListObjectsV2", "ListMultipartUploads", "DeleteObjects", "HeadBucket") {
				if !seen[op] {
					t.Errorf("no %s was sent", op)
				}
			}
		})
	}
}

// TestCustomerKeyIsNeeded: without the key, or with another one, nothing can be read, and the error
// says so.
func TestCustomerKeyIsNeeded(t *testing.T) {
	o, f := frontOptions(t, gateway(t))
	f.Encrypts = true
	o.Encryption.CustomerKey = customerKey
	mustPut(t, openStore(t, o), "x", []byte("one"))
	for _, key := range []*s3.CustomerKey{nil, {7}} {
		o.Encryption.CustomerKey = key
		if got, _, err := store.Get(context.Background(), openStore(t, o), "x", 100); err == nil || errors.Is(err, store.ErrNotFound) {
			t.Errorf("%q, %v", got, err)
		}
	}
}

// TestNotEncrypted: a server that ignores the headers of encryption, as versitygw does, is detected
// with the first object, and for an upload in parts before its first byte.
func TestNotEncrypted(t *testing.T) {
	g := gateway(t)
	for _, e := range []s3.Encryption{{Algorithm: s3.SSES3}, {Algorithm: s3.SSEKMS}, {CustomerKey: customerKey}} {
		o := options(g, newBucket(t, g))
		o.Encryption = e
		s := openStore(t, o)
		for _, n := range []int{10, 12 << 20} {
			_, err := s.Put(context.Background(), "x", bytes.NewReader(make([]byte, n)), int64(n), store.Condition{})
			if !errors.Is(err, s3.ErrNotEncrypted) {
				t.Errorf("%v, %d bytes: %v", e, n, err)
			}
		}
		if info, err := s.Stat(context.Background(), "x"); err != nil || info.Size != 10 {
			t.Errorf("%v: the large object was written: %v, %v", e, info, err)
		}
		for u, err := range s.Uploads(context.Background(), "", time.Now().Add(time.Hour)) {
			t.Errorf("left behind: %v, %v", u, err)
		}
	}
	// A server that ignores the storage class or the payer is accepted.
	o := options(g, newBucket(t, g))
	o.StorageClass, o.RequesterPays = "STANDARD_IA", true
	everyRequest(t, openStore(t, o))
}

// TestKeepingRefused: invalid settings are refused before any request, and not as a failure of the
// store.
func TestKeepingRefused(t *testing.T) {
	for want, set := range map[string]func(*s3.Options){
		"is not one of":           func(o *s3.Options) { o.Encryption.Algorithm = "aes256" },
		"a KMS key goes with":     func(o *s3.Options) { o.Encryption = s3.Encryption{Algorithm: s3.SSES3, KMSKeyID: "x"} },
		"a bucket key goes with":  func(o *s3.Options) { o.Encryption = s3.Encryption{Algorithm: s3.SSEKMSDual, BucketKey: true} },
		"exclude each other":      func(o *s3.Options) { o.Encryption = s3.Encryption{Algorithm: s3.SSES3, CustomerKey: customerKey} },
		"the KMS key has":         func(o *s3.Options) { o.Encryption = s3.Encryption{Algorithm: s3.SSEKMS, KMSKeyID: "a\nb"} },
		"is an archive":           func(o *s3.Options) { o.StorageClass = "deep_archive" },
		"the storage class has":   func(o *s3.Options) { o.StorageClass = "A B" },
		"needs an https endpoint": func(o *s3.Options) { o.Encryption.CustomerKey, o.Endpoint = customerKey, "http://s3.example.com" },
	} {
		o := s3.Options{Bucket: "b"}
		set(&o)
		if _, err := s3.New(context.Background(), o); err == nil || !strings.Contains(err.Error(), want) || !usage.Is(err) {
			t.Errorf("%s: %v", want, err)
		}
	}
	for _, endpoint := range []string{"https://s3.example.com", "http://localhost:9000", "http://127.0.0.1:9000", "http://[::1]:9000"} {
		if _, err := s3.New(context.Background(), s3.Options{Bucket: "b", Endpoint: endpoint, Encryption: s3.Encryption{CustomerKey: customerKey}}); err != nil {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
}

// TestCustomerKeyStaysOnSafePaths: the key is not sent unencrypted to an endpoint from the
// environment, or to a redirect.
func TestCustomerKeyStaysOnSafePaths(t *testing.T) {
	g := gateway(t)
	var proxied atomic.Int32
	sink := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { proxied.Add(1) }))
	t.Cleanup(sink.Close)
	t.Setenv("http_proxy", sink.URL) // requests to other hosts would go there
	o := options(g, newBucket(t, g))
	o.Encryption.CustomerKey, o.Endpoint = customerKey, ""
	t.Setenv("AWS_ENDPOINT_URL_S3", "http://s3.example.com")
	if _, err := s3.New(context.Background(), o); err == nil || !strings.Contains(err.Error(), "needs an https endpoint") {
		t.Errorf("endpoint from the environment: %v", err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://s3.example.com/", http.StatusTemporaryRedirect)
	}))
	t.Cleanup(server.Close)
	o.Endpoint = server.URL
	if _, err := openStore(t, o).Stat(context.Background(), "x"); err == nil || !strings.Contains(err.Error(), "needs an https endpoint") {
		t.Errorf("redirect: %v", err)
	}
	if n := proxied.Load(); n > 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// TestCustomerKeyForms: a key is read from bytes or base64, does not print itself, and no error
// shows the input.
func TestCustomerKeyForms(t *testing.T) {
	const text = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
	key, err := s3.ParseCustomerKey([]byte(" " + text + "\r\n"))
	if err != nil || key[0] != 1 || key[31] != 32 {
		t.Fatal(err)
	}
	if raw, err := s3.ParseCustomerKey(key[:]); err != nil || *raw != *key {
		t.Error(err)
	}
	for _, bad := range []string{"", "hunter2", text[:40], text + text} {
		if _, err := s3.ParseCustomerKey([]byte(bad)); err == nil || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	o := s3.Options{Encryption: s3.Encryption{CustomerKey: key}}
	asJSON, err := json.Marshal(o.Encryption)
	printed := fmt.Sprintf("%v %+v %#v %s %x %d %v %+v", key, key, key, key, *key, *key, o, o.Encryption) + string(asJSON)
	if err != nil || strings.Contains(printed, "AQID") || strings.Contains(printed, "010203") || strings.Contains(printed, "1 2 3") || strings.Contains(printed, "0x1, 0x2") {
		t.Errorf("%v: %s", err, printed)
	}
}

// TestTrace: each attempt is traced with its result, and without secrets.
func TestTrace(t *testing.T) {
	g := gateway(t)
	o, f := frontOptions(t, g)
	f.Encrypts, f.SessionToken = true, "session-token-of-this-test"
	t.Setenv("AWS_SESSION_TOKEN", f.SessionToken)
	t.Setenv("AWS_ENDPOINT_URL_S3", "")
	os.Unsetenv("AWS_ENDPOINT_URL_S3")
	o.Encryption.CustomerKey = customerKey
	var mu sync.Mutex
	var seen []s3.Exchange
	o.Trace = func(e s3.Exchange) { mu.Lock(); defer mu.Unlock(); seen = append(seen, e) }
	s := openStore(t, o)
	mustPut(t, s, "a", []byte("one"))
	mustRead(t, s, "a", []byte("one"))
	if len(seen) != 2 || seen[0].Method != "PUT" || seen[1].Method != "GET" || seen[1].Status != 200 || seen[1].Received != 3 || seen[0].Attempt != "1 of 5" {
		t.Errorf("%+v", seen)
	}
	for _, e := range seen {
		text := fmt.Sprintf("%+v", e)
		for _, secret := range []string{g.SecretKey, f.SessionToken, "AQID", "Signature=", "Credential="} {
			if strings.Contains(text, secret) {
				t.Errorf("%s is in %s", secret, text)
			}
		}
		if !strings.Contains(text, "/pre/fix/a") || !strings.Contains(text, "X-Amz-Security-Token:[***]") {
			t.Errorf("not told: %s", text)
		}
	}

	// A second attempt, and then an attempt that gets no answer.
	seen = nil
	t.Setenv("AWS_SESSION_TOKEN", "")
	o2 := between(t, g, first(1, "GET", "", slowDown))
	o2.Trace = o.Trace
	s2 := openStore(t, o2)
	mustPut(t, s2, "a", []byte("one"))
	mustRead(t, s2, "a", []byte("one"))
	if n := len(seen); n != 3 || seen[1].Status != 503 || seen[2].Attempt != "2 of 5" || seen[2].Status != 200 {
		t.Errorf("%+v", seen)
	}
	seen = nil
	o2.Endpoint, o2.MaxAttempts = "http://127.0.0.1:9", 1
	if _, err := openStore(t, o2).Stat(context.Background(), "a"); err == nil || len(seen) != 1 || seen[0].Status != 0 || seen[0].Err == nil {
		t.Errorf("%v: %+v", err, seen)
	}
}
