package redact

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"get https://user:hunter2@host/x?y=1: refused":                                   "get https://***@host/x?y=1: refused",
		"invalid proxy address \"http://u:p@ss@h:1\"":                                    `invalid proxy address "http://***@h:1"`,
		"https://h/b/k?X-Amz-Credential=AK%2F1&x-amz-signature=ab&part=3":                "https://h/b/k?X-Amz-Credential=***&x-amz-signature=***&part=3",
		"https://a.blob.core.windows.net/c/b?sv=2024&sig=a%2Fb%3D&se=1":                  "https://a.blob.core.windows.net/c/b?sv=2024&sig=***&se=1",
		"https://storage.googleapis.com/b/o?X-Goog-Credential=a%40b&X-Goog-Signature=ab": "https://storage.googleapis.com/b/o?X-Goog-Credential=***&X-Goog-Signature=***",
		"https://h/?design=1&sigma=2":                                                    "https://h/?design=1&sigma=2",
		"proxy https://h/?token=abc&a=b":                                                 "proxy https://h/?token=***&a=b",
		`--trust-key "PRIVATE+KEY+ci+00+AQ/=": no`:                                       `--trust-key "PRIVATE+KEY+***": no`,
		"Authorization: Bearer abcdefghijklm.nopqrstu.vw":                                "Authorization: Bearer ***",
		"https://storage.googleapis.com/upload/storage/v1/b/b/o?upload_id=ABg5-x&name=n": "https://storage.googleapis.com/upload/storage/v1/b/b/o?upload_id=***&name=n",
		"DefaultEndpointsProtocol=https;AccountName=a;AccountKey=abc/+==;X":              "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=***",
		"got ya29.a0Af_x-y.z, and went":                                                  "got ***, and went",
		// Text without secrets does not change.
		"GET v2/modules/example.com/m/@v/v1.0.0/00":                      "GET v2/modules/example.com/m/@v/v1.0.0/00",
		"https://proxy.golang.org/example.com/m/@v/list":                 "https://proxy.golang.org/example.com/m/@v/list",
		"s3://bucket/prefix?endpoint=https%3A%2F%2Fh":                    "s3://bucket/prefix?endpoint=https%3A%2F%2Fh",
		"git@github.com:org/name, vector+464e82ee, Basic authentication": "git@github.com:org/name, vector+464e82ee, Basic authentication",
		"expected a token, got nothing":                                  "expected a token, got nothing",
	} {
		if got := Text(in); got != want {
			t.Errorf("%s\nbecame %s\nwant   %s", in, got, want)
		}
	}
}

func TestURL(t *testing.T) {
	for in, want := range map[string]string{
		"http://user:pa%40ss@host:1/a%20b?uploadId=1&X-Amz-Security-Token=s": "http://***@host:1/a%20b?uploadId=1&X-Amz-Security-Token=***",
		"https://host/v2/modules/a/@v/b?x-id=GetObject":                      "https://host/v2/modules/a/@v/b?x-id=GetObject",
	} {
		u, err := url.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := URL(u); got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
}

// TestValues: a secret is found in every form in which it can be printed; short values are not
// replaced.
func TestValues(t *testing.T) {
	const secret = "se/cr+et \"of\" many & <signs>"
	v := NewValues(secret, "line one is secret\nline two too\n", "short", "longer secret", "longer")
	quoted, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"a " + secret + " b", string(quoted), url.QueryEscape(secret), "x=" + url.PathEscape(secret), "only line two too here", "the longer secret",
	} {
		got := v.Text(text)
		if !strings.Contains(got, Mark) || strings.Contains(got, "cr") || strings.Contains(got, "two") || strings.Contains(got, "secret") {
			t.Errorf("%s became %s", text, got)
		}
	}
	if got := v.Text("short and longer"); got != "short and longer" {
		t.Errorf("short values: %s", got)
	}
	var none *Values
	if got := none.Text(secret) + (&Values{}).Text(secret); got != secret+secret {
		t.Errorf("no values: %s", got)
	}
}

func TestHeader(t *testing.T) {
	h := http.Header{
		"Authorization": {"AWS4-HMAC-SHA256 Credential=AKIA/x, Signature=ab"}, "X-Amz-Security-Token": {"tok"}, "Range": {"bytes=0-9"},
		"X-Amz-Server-Side-Encryption-Customer-Key":                 {"a2V5"},
		"X-Amz-Server-Side-Encryption-Customer-Key-Md5":             {"bWQ1"},
		"X-Amz-Copy-Source-Server-Side-Encryption-Customer-Key":     {"a2V5"},
		"X-Amz-Server-Side-Encryption-Customer-Algorithm":           {"AES256"},
		"X-Amz-Copy-Source-Server-Side-Encryption-Customer-Key-Md5": {"bWQ1"},
	}
	got := Header(h)
	for name, values := range got {
		open := name == "Range" || strings.HasSuffix(name, "Algorithm")
		if len(values) != 1 || (values[0] == Mark) == open {
			t.Errorf("%s: %q", name, values)
		}
	}
	if len(got) != len(h) || h.Get("X-Amz-Security-Token") != "tok" {
		t.Errorf("%d headers, and the given ones are now %v", len(got), h)
	}
}
