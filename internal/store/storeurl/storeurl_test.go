package storeurl

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/azblob"
	"github.com/org/gocache-action/internal/store/dir"
	"github.com/org/gocache-action/internal/store/gcs"
	"github.com/org/gocache-action/internal/store/rest"
	"github.com/org/gocache-action/internal/store/s3"
	"github.com/org/gocache-action/internal/usage"
)

func TestParse(t *testing.T) {
	for raw, want := range map[string]Target{
		"s3://b":          {S3: &s3.Options{Bucket: "b"}},
		"s3://b/":         {S3: &s3.Options{Bucket: "b"}},
		"s3://b/p/q/":     {S3: &s3.Options{Bucket: "b", Prefix: "p/q"}},
		"s3://b/a%20b?":   {S3: &s3.Options{Bucket: "b", Prefix: "a b"}},
		"s3://b?region=r": {S3: &s3.Options{Bucket: "b", Region: "r"}},
		"s3://b/p?endpoint=http://127.0.0.1:9000&path-style=1&part-size=16MiB&concurrency=4": {S3: &s3.Options{
			Bucket: "b", Prefix: "p", Endpoint: "http://127.0.0.1:9000", PathStyle: true, PartSize: 16 << 20, Concurrency: 4}},
		"s3://b?sse=aws:kms&sse-kms-key-id=alias/x&sse-bucket-key=true&storage-class=STANDARD_IA&requester-pays=true": {S3: &s3.Options{
			Bucket: "b", Encryption: s3.Encryption{Algorithm: s3.SSEKMS, KMSKeyID: "alias/x", BucketKey: true}, StorageClass: "STANDARD_IA", RequesterPays: true}},
		"s3://b?sse-c-key-file=/k":    {S3: &s3.Options{Bucket: "b"}, KeyFile: "/k"},
		"s3://b?part-size=5242880":    {S3: &s3.Options{Bucket: "b", PartSize: 5 << 20}},
		"file:///some/dir":            {Dir: filepath.FromSlash("/some/dir")},
		"file://localhost/some/dir":   {Dir: filepath.FromSlash("/some/dir")},
		"file:///with%20space%23hash": {Dir: filepath.FromSlash("/with space#hash")},
		"https://host/prefix/":        {Web: &url.URL{Scheme: "https", Host: "host", Path: "/prefix/"}},
		"https://host":                {Web: &url.URL{Scheme: "https", Host: "host"}},
		"http://127.0.0.1:80/a%20b":   {Web: &url.URL{Scheme: "http", Host: "127.0.0.1:80", Path: "/a b"}},
		"http://[::1]:80/":            {Web: &url.URL{Scheme: "http", Host: "[::1]:80", Path: "/"}},
		"actions://":                  {Actions: true},
		"gs://b/p/":                   {Google: &gcs.Options{Bucket: "b", Options: rest.Options{Prefix: "p"}}},
		"gs://b?endpoint=http://127.0.0.1:1&part-size=1MiB&concurrency=2": {Google: &gcs.Options{
			Bucket: "b", Options: rest.Options{Endpoint: "http://127.0.0.1:1", PartSize: 1 << 20, Concurrency: 2}}},
		"azblob://c/p?account=acc&endpoint=https://acc.blob.core.chinacloudapi.cn": {Azure: &azblob.Options{
			Container: "c", Options: rest.Options{Prefix: "p", Endpoint: "https://acc.blob.core.chinacloudapi.cn"}, Account: "acc"}},
		"http://host/p?insecure=true": {Web: &url.URL{Scheme: "http", Host: "host", Path: "/p"}, Insecure: true},
	} {
		got, err := Parse(raw)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", raw, diff)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for raw, want := range map[string]string{
		"":                                        "no scheme",
		"bucket/prefix":                           "no scheme",
		"http://host/bucket":                      "https://, or add ?insecure=true",
		"http://localhost.example.com/p":          "insecure=true",
		"https://user:hunter2@host/p":             "credentials",
		"https://host/p?token=hunter2":            "no parameter",
		"https://host/p?insecure=perhaps":         "not true or false",
		"https://host/p?a;b":                      "no parameter",
		"https:///prefix":                         "no host",
		"https:host":                              "no host",
		"https://host/a/../b":                     "element",
		"https://host/p#frag":                     "%23",
		"swift://bucket":                          "unknown scheme",
		"gcs://bucket":                            "gs://bucket/prefix",
		"gs://":                                   "no bucket",
		"gs://b?region=x":                         "unknown",
		"gs://b?part-size=300KiB":                 "multiple of 256KiB",
		"gs://b?endpoint=a&endpoint=b":            "twice",
		"gs://u:hunter2@b/p":                      "GOOGLE_APPLICATION_CREDENTIALS",
		"azblob://c/p":                            "?account=NAME",
		"azblob:///p?account=abc":                 "no container",
		"azblob://c:80/p?account=abc":             "endpoint",
		"azblob://c/p?account=abc&sig=hunter2":    "does not belong in the URL",
		"azblob://c/p?account=abc&x=1":            "unknown",
		"azblob://c/p?account=abc&part-size=1KiB": "less than 256KiB",
		"azblob://k:hunter2@c/p?account=abc":      "AZURE_STORAGE_SAS_TOKEN",
		"actions://host":                          "neither a name",
		"actions:///x":                            "neither a name",
		"actions://?x=1":                          "neither a name",
		"actions:x":                               "neither a name",
		"s3:bucket":                               "no bucket",
		"s3:///prefix":                            "no bucket",
		"s3://":                                   "no bucket",
		"s3://b:9000/p":                           "endpoint",
		"s3://key:hunter2@b/p":                    "credentials",
		"s3://key:hunter2@b/%zz":                  "not a URL",
		"s3://b?endpoint=http://k:hunter2@h":      "credentials",
		"s3://b?sse-c-key=hunter2":                "does not belong in the URL",
		"s3://b?requester-pays=perhaps":           "requester-pays",
		"s3://b?endpoint=http%3A%2F%2Fh%2F%3Ftoken%3Dhunter2": "no parameters",
		"s3://b?endpoint=localhost:9000":                      "not an http",
		"s3://b?endpoint=":                                    "not an http",
		"s3://b?regoin=x":                                     "unknown",
		"s3://b?region=a&region=b":                            "twice",
		"s3://b?path-style=maybe":                             "path-style",
		"s3://b?part-size=1M":                                 "less than 5MiB",
		"s3://b?part-size=2GiB":                               "more than 1GiB",
		"s3://b?part-size=9999999999G":                        "invalid size",
		"s3://b?part-size=-5M":                                "invalid size",
		"s3://b?concurrency=0":                                "between",
		"s3://b?concurrency=x":                                "concurrency",
		"s3://b?a;b":                                          "well-formed",
		"s3://b/a//b":                                         "element",
		"s3://b/a/../b":                                       "element",
		"s3://b/p#frag":                                       "%23",
		"file:dir":                                            "absolute",
		"file:///dir?x=1":                                     "no parameters",
		"file://key:hunter2@host/dir":                         "credentials",
		"file://key:hunter2@host/d%zz":                        "credentials",
		"file:///%zz":                                         "%25",
	} {
		_, err := Parse(raw)
		if err == nil {
			t.Errorf("%s is accepted", raw)
			continue
		}
		if !usage.Is(err) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

// opened opens a store that can be written.
func opened(ctx context.Context, t Target) (store.Store, error) {
	switch {
	case t.S3 != nil:
		return s3.New(ctx, *t.S3)
	case t.Azure != nil:
		return azblob.New(*t.Azure)
	case t.Google != nil:
		return gcs.New(*t.Google)
	}
	return dir.Open(t.Dir)
}

// TestString: the string of a store is a URL that opens the same store.
func TestString(t *testing.T) {
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	urls := []string{"gs://bucket", "gs://bucket/p?endpoint=http%3A%2F%2F127.0.0.1%3A1", "azblob://con/p?account=acc", "azblob://con?account=acc&endpoint=https%3A%2F%2Fh", "s3://b", "s3://b/p/q?endpoint=http%3A%2F%2Fh%3A1&path-style=true&region=r", "s3://b/a%20b"}
	if runtime.GOOS == "windows" {
		urls = append(urls, "file:///C:/some/dir%20x%23y", "file:////server/share/dir%20x")
	} else {
		urls = append(urls, "file:///some/dir%20x%23y")
	}
	for _, raw := range urls {
		target, err := Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		s, err := opened(t.Context(), target)
		if err != nil {
			t.Fatal(err)
		}
		if s.String() != raw {
			t.Errorf("%s became %s", raw, s)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("s3://b/p?region=r&part-size=8MiB")
	f.Add("azblob://container/p?account=name&endpoint=http://127.0.0.1:1")
	f.Add("gs://bucket/p?part-size=1MiB")
	f.Add("file:///dir")
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := Parse(raw)
		if err != nil {
			return
		}
		n := 0
		for _, is := range []bool{got.Dir != "", got.S3 != nil, got.Web != nil, got.Azure != nil, got.Google != nil, got.Actions} {
			if is {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%q: want one kind of store, got %+v", raw, got)
		}
	})
}
