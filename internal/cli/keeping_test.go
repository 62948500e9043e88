package cli

import (
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/store/s3/s3test"
	"github.com/org/gocache-action/internal/store/storetest"
)

// TestKeeping: the parameters of the store's URL are applied to the requests of a save, and a
// snapshot that was saved so can be restored.
func TestKeeping(t *testing.T) {
	j := newTestJob(t)
	g := storetest.Gateway(t)
	g.Setenv(t)
	const sse, key, bucketKey = "X-Amz-Server-Side-Encryption", "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id", "X-Amz-Server-Side-Encryption-Bucket-Key-Enabled"
	for _, c := range []struct {
		name   string
		url    string            // parameters
		want   map[string]string // headers of requests that write objects
		always map[string]string // headers of all requests
	}{
		{name: "all", url: "&sse=aws:kms&sse-kms-key-id=alias/cache&sse-bucket-key=true&storage-class=STANDARD_IA&requester-pays=true",
			want:   map[string]string{sse: "aws:kms", key: "alias/cache", bucketKey: "true", "X-Amz-Storage-Class": "STANDARD_IA"},
			always: map[string]string{"X-Amz-Request-Payer": "requester"}},
		{name: "url", url: "&sse=aws:kms:dsse&sse-kms-key-id=k&storage-class=GLACIER_IR&requester-pays=true",
			want:   map[string]string{sse: "aws:kms:dsse", key: "k", bucketKey: "", "X-Amz-Storage-Class": "GLACIER_IR"},
			always: map[string]string{"X-Amz-Request-Payer": "requester"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bucket := strings.ReplaceAll(c.name, " ", "-")
			g.Bucket(t, bucket)
			front := s3test.NewFront(t, g)
			front.Encrypts = true
			server := *g
			server.Endpoint = front.URL
			j.env = map[string]string{config.Variable("store"): server.URL(bucket, "") + c.url}
			j.fresh()
			action := j.compile()
			j.says("saved in ", "save", "--fail-on-error")
			j.fresh()
			j.says("snapshot of the same module files", "restore", "--fail-on-error")
			if !j.has(action) {
				t.Error("nothing was restored")
			}
			puts := 0
			for _, r := range front.Requests() {
				want := c.always
				if r.Operation == "PutObject" {
					puts++
					want = withAll(c.want, c.always)
				}
				for name, value := range want {
					if got := r.Header.Get(name); got != value {
						t.Errorf("%s of %s: %s is %q, want %q", r.Operation, r.URL, name, got, value)
					}
				}
			}
			if puts < 3 { // a pack, and two manifests
				t.Errorf("%d objects", puts)
			}
		})
	}

	// If a server does not encrypt, the job goes on, with a warning.
	g.Bucket(t, "plain")
	j.env = map[string]string{config.Variable("store"): g.URL("plain", "") + "&sse=AES256"}
	out := j.says("warning: ", "save")
	if !strings.Contains(out, "the server does not encrypt as it was asked to: nothing instead of AES256") || !strings.Contains(out, "hint: use a server that encrypts") {
		t.Errorf("save:\n%s", out)
	}
	j.says("no snapshot found", "restore")
}
