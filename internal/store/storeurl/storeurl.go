// Package storeurl reads the URL of a store:
//
//	file:///dir, or the path of a directory: /dir, ./dir, ~/dir, C:\dir, \\server\share\dir
//	s3://bucket/prefix?region=R&endpoint=URL&path-style=true&conditional-writes=false&checksums=false&part-size=8MiB&concurrency=8
//	                  &sse=aws:kms&sse-kms-key-id=ID&sse-bucket-key=true&sse-c-key-file=FILE&storage-class=CLASS&requester-pays=true
//
//	azblob://container/prefix?account=NAME&endpoint=URL&part-size=8MiB&concurrency=8
//	gs://bucket/prefix?endpoint=URL&part-size=8MiB&concurrency=8
//
//	https://host/prefix, only for reading; http:// on loopback, or with ?insecure=true
//
//	actions, or actions://: the cache service of GitHub Actions, which the runner tells its address
//
// All parameters are optional but the account of azblob. Credentials and encryption keys are never
// part of a URL; the ID of a key may be.
package storeurl

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/store/azblob"
	"github.com/org/gocache-action/internal/store/gcs"
	"github.com/org/gocache-action/internal/store/s3"
	"github.com/org/gocache-action/internal/usage"
)

// A Target is a parsed URL: exactly one of its fields is set.
type Target struct {
	Dir string // a directory
	S3  *s3.Options
	Web *url.URL // a web server, for reading

	Azure  *azblob.Options // a container of Azure Blob Storage
	Google *gcs.Options    // a bucket of Google Cloud Storage

	Actions bool // the cache service of GitHub Actions

	Insecure bool // the web server may be used, and may redirect, over http

	KeyFile string // has the customer key for S3; "": none
}

// CustomerKey reads the key in KeyFile; nil if there is none. Errors have nothing of its content.
func (t Target) CustomerKey() (*s3.CustomerKey, error) {
	if t.KeyFile == "" {
		return nil, nil
	}
	data, err := os.ReadFile(t.KeyFile)
	if err != nil {
		return nil, usage.Errorf("parameter sse-c-key-file: %s: %w", t.KeyFile, errors.Unwrap(err))
	}
	key, err := s3.ParseCustomerKey(data)
	if err != nil {
		return nil, usage.Errorf("parameter sse-c-key-file: %s: %w", t.KeyFile, err)
	}
	return key, nil
}

// Parse checks a URL without opening it. Its errors are wrong usage.
func Parse(raw string) (Target, error) {
	home, _ := os.UserHomeDir()
	t, err := parseOn(raw, system{goos: runtime.GOOS, home: home})
	return t, usage.Wrap(err)
}

func parseOn(raw string, sys system) (Target, error) {
	if raw == actionsName {
		return Target{Actions: true}, nil
	}
	if dir, ok, err := local(raw, sys); err != nil {
		return Target{}, fmt.Errorf("store %s: %w", displayLocal(raw), err)
	} else if ok {
		return Target{Dir: dir}, nil
	}
	u, err := url.Parse(raw)
	if err != nil {
		// Neither the text of err nor raw, because they may have a password.
		return Target{}, errors.New("the store is not a URL such as s3://bucket/prefix or file:///dir")
	}
	t, err := parse(u)
	if err != nil {
		return Target{}, fmt.Errorf("store %s: %w", display(u), err)
	}
	return t, nil
}

func parse(u *url.URL) (Target, error) {
	switch {
	case u.Scheme == "https" || u.Scheme == "http":
		return parseWeb(u)
	case u.User != nil:
		return Target{}, errors.New("credentials do not belong in the URL; they come from the environment: " + credentialsOf(u.Scheme))
	case u.Fragment != "":
		return Target{}, errors.New(`a "#" must be written as %23`)
	case u.Scheme == "s3":
		return parseS3(u)
	case u.Scheme == "azblob":
		return parseAzure(u)
	case u.Scheme == "gs" || u.Scheme == "gcs":
		return parseGoogle(u)
	case u.Scheme == "actions":
		return parseActions(u)
	case u.Scheme == "":
		return Target{}, errors.New("no scheme; write s3://bucket/prefix or file:///dir, or ./dir for a directory here")
	}
	return Target{}, fmt.Errorf("unknown scheme %q; there are s3, azblob, gs, file, https and actions", u.Scheme)
}

// displayLocal returns a path or a file URL without what could be a password.
func displayLocal(raw string) string {
	if i := strings.LastIndexByte(raw, '@'); i >= 0 && strings.Contains(raw, "://") {
		return "file://xxxxx" + raw[i:]
	}
	return raw
}

// display returns the URL without user and password.
func display(u *url.URL) string {
	c := *u
	if c.User != nil {
		c.User = url.User("xxxxx")
	}
	c.RawQuery = ""
	if c.Opaque == "" && c.Host == "" && c.Path == "" {
		return c.Scheme + "://" // String leaves the slashes out
	}
	return c.String()
}

func parseS3(u *url.URL) (Target, error) {
	prefix, q, err := address(u, "bucket")
	if err != nil {
		return Target{}, err
	}
	t := Target{S3: &s3.Options{Bucket: u.Host, Prefix: prefix}}
	if err := each(q, func(name, value string) error { return set(&t, name, value) }); err != nil {
		return Target{}, err
	}
	return t, nil
}

// address checks what the URLs of buckets have in common: what names the bucket or container, the
// prefix, and parameters.
func address(u *url.URL, what string) (prefix string, q url.Values, err error) {
	if u.Opaque != "" || u.Host == "" {
		return "", nil, fmt.Errorf("no %s; write %s://%s/prefix", what, u.Scheme, what)
	}
	if u.Port() != "" {
		return "", nil, fmt.Errorf("a port belongs to the endpoint: %s://%s/prefix?endpoint=http://host:port", u.Scheme, what)
	}
	prefix = strings.Trim(u.Path, "/")
	for elem := range strings.SplitSeq(prefix, "/") {
		if prefix != "" && (elem == "" || elem == "." || elem == "..") {
			return "", nil, fmt.Errorf("the prefix has an element %q", elem)
		}
	}
	if q, err = url.ParseQuery(u.RawQuery); err != nil {
		return "", nil, errors.New("the parameters after ? are not well-formed")
	}
	return prefix, q, nil
}

// each sets the parameters of a URL, of which none may be given twice.
func each(q url.Values, set func(name, value string) error) error {
	for _, name := range slices.Sorted(maps.Keys(q)) {
		err := errors.New("given twice")
		if len(q[name]) == 1 {
			err = set(name, q[name][0])
		}
		if err != nil {
			return fmt.Errorf("parameter %s: %w", name, err)
		}
	}
	return nil
}

// maxPartSize bounds the buffers of uploads.
const maxPartSize = 1 << 30

// set stores one parameter.
func set(t *Target, name, value string) (err error) {
	o := t.S3
	switch name {
	case "region":
		o.Region = value
	case "endpoint":
		o.Endpoint, err = endpoint(value)
	case "path-style":
		o.PathStyle, err = strconv.ParseBool(value)
	case "conditional-writes":
		var on bool
		on, err = strconv.ParseBool(value)
		o.NoConditions = !on
	case "checksums":
		var on bool
		on, err = strconv.ParseBool(value)
		o.NoChecksums = !on
	case "sse":
		o.Encryption.Algorithm = value // package s3 checks it together with the other parameters
	case "sse-kms-key-id":
		o.Encryption.KMSKeyID = value
	case "sse-bucket-key":
		o.Encryption.BucketKey, err = strconv.ParseBool(value)
	case "sse-c-key-file":
		t.KeyFile = value
	case "storage-class":
		o.StorageClass = value
	case "requester-pays":
		o.RequesterPays, err = strconv.ParseBool(value)
	case "part-size":
		o.PartSize, err = partSize(value)
		if err == nil && o.PartSize < s3.MinPartSize {
			err = fmt.Errorf("%s is less than 5MiB, the minimum of S3", value)
		}
	case "concurrency":
		o.Concurrency, err = concurrency(value)
	case "sse-c", "sse-c-key", "sse-customer-key":
		err = errors.New("a key does not belong in the URL; put it into GOCACHE_ACTION_SSE_C_KEY, or into the file that sse-c-key-file names")
	default:
		err = errors.New("unknown; there are region, endpoint, path-style, conditional-writes, checksums, part-size, concurrency, sse, sse-kms-key-id, sse-bucket-key, sse-c-key-file, storage-class, requester-pays")
	}
	return err
}

func partSize(value string) (int64, error) {
	n, err := quantity.ParseSize(value)
	if err == nil && n > maxPartSize {
		err = fmt.Errorf("%s is more than 1GiB, which is held in memory", value)
	}
	return n, err
}

func concurrency(value string) (int, error) {
	n, err := quantity.ParseCount(value, 256)
	if err == nil && n == 0 {
		err = errors.New("not between 1 and 256")
	}
	return n, err
}

func endpoint(value string) (string, error) {
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return "", errors.New("not an http or https URL")
	case u.User != nil:
		return "", errors.New("credentials do not belong in the URL")
	case u.RawQuery != "" || u.Fragment != "":
		// they would not be sent, but they would be printed
		return "", errors.New("an endpoint has no parameters")
	}
	return value, nil
}
