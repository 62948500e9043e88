package s3_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/s3"
)

func api(t testing.TB, o s3.Options) *awss3.Client {
	t.Helper()
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return awss3.NewFromConfig(cfg, func(so *awss3.Options) { so.BaseEndpoint, so.UsePathStyle = &o.Endpoint, true })
}

// TestUploads leaves unfinished uploads behind, as a killed process does. gc must abort only the
// old ones.
func TestUploads(t *testing.T) {
	ctx := context.Background()
	g := gateway(t)
	o := options(g, newBucket(t, g))
	s := openStore(t, o)
	client := api(t, o)
	for _, key := range []string{"pre/fix/v1/old", "pre/fix/v1/old", "pre/fix/v1/young", "another/tool"} {
		if strings.HasSuffix(key, "young") {
			time.Sleep(1200 * time.Millisecond) // times in S3 are in whole seconds
		}
		up, err := client.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: &o.Bucket, Key: aws.String(key)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.UploadPart(ctx, &awss3.UploadPartInput{
			Bucket: &o.Bucket, Key: aws.String(key), UploadId: up.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("12345"),
		}); err != nil {
			t.Fatal(err)
		}
	}
	var all []store.Upload
	for u, err := range s.Uploads(ctx, "v1/", time.Now().Add(time.Hour)) {
		if err != nil || u.Size != 5 || u.ID == "" || time.Since(u.Started).Abs() > time.Minute {
			t.Fatalf("%+v, %v", u, err)
		}
		all = append(all, u)
	}
	if len(all) != 3 || all[2].Name != "v1/young" {
		t.Fatalf("uploads: %+v", all)
	}
	for u, err := range s.Uploads(ctx, "v1/", all[2].Started) {
		if err != nil {
			t.Fatal(err)
		}
		if u.Name != "v1/old" {
			continue // within the same second
		}
		for range 2 { // the second time, the upload is already gone
			if err := s.AbortUpload(ctx, u); err != nil {
				t.Error(err)
			}
		}
	}
	if n := unfinished(t, o); n != 2 {
		t.Errorf("%d uploads are left, want those to v1/young and to another prefix", n)
	}
}

// TestTouchWhereTimesStay: versitygw copies an object onto itself without renewing its time, which
// Touch must not mistake for success.
func TestTouchWhereTimesStay(t *testing.T) {
	g := gateway(t)
	o := options(g, newBucket(t, g))
	s := openStore(t, o)
	old(t, s, g.DataDir, o, "a/x+y@v1")
	if err := s.Touch(context.Background(), "a/x+y@v1"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("touch: %v", err)
	}
}

// old puts an object and makes it 1000 hours old.
func old(t *testing.T, s *s3.Store, data string, o s3.Options, name string) string {
	t.Helper()
	mustPut(t, s, name, []byte("content"))
	file := filepath.Join(data, o.Bucket, filepath.FromSlash(o.Prefix), filepath.FromSlash(name))
	then := time.Now().Add(-1000 * time.Hour)
	if err := os.Chtimes(file, then, then); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestTouchMakesNew adds to the gateway what Amazon's S3 does: copying an object onto itself renews
// its time.
func TestTouchMakesNew(t *testing.T) {
	g := gateway(t)
	var file string
	var asked http.Header
	o := between(t, g, func(r *http.Request) verdict {
		if r.Header.Get("x-amz-copy-source") != "" {
			asked = r.Header.Clone()
			if err := os.Chtimes(file, time.Time{}, time.Now()); err != nil {
				t.Error(err)
			}
		}
		return pass
	})
	s := openStore(t, o)
	file = old(t, s, g.DataDir, o, "a/x+y@v1")
	if err := s.Touch(context.Background(), "a/x+y@v1"); err != nil {
		t.Fatal(err)
	}
	info, err := s.Stat(context.Background(), "a/x+y@v1")
	if err != nil || time.Since(info.ModTime).Abs() > time.Minute || info.Size != 7 {
		t.Errorf("%+v, %v", info, err)
	}
	for name, want := range map[string]string{
		"x-amz-copy-source":        o.Bucket + "/pre/fix/a/x%2By@v1",
		"x-amz-metadata-directive": "REPLACE",
		"x-amz-checksum-algorithm": "CRC32C",
	} {
		if got := asked.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if asked.Get("x-amz-copy-source-if-match") == "" {
		t.Error("another version could be copied over")
	}
}

// TestTouchKeepsMetadata: a touch keeps the writer's mark, which a Put needs after a lost answer.
func TestTouchKeepsMetadata(t *testing.T) {
	g := gateway(t)
	o := options(g, newBucket(t, g))
	s := openStore(t, o)
	if _, err := s.Put(context.Background(), "x", strings.NewReader("x"), 1, store.Condition{IfAbsent: true}); err != nil {
		t.Fatal(err)
	}
	metadata := func() string {
		out, err := api(t, o).HeadObject(context.Background(), &awss3.HeadObjectInput{Bucket: &o.Bucket, Key: aws.String("pre/fix/x")})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(out.Metadata)
	}
	before := metadata()
	if err := s.Touch(context.Background(), "x"); err != nil {
		t.Fatal(err)
	}
	if after := metadata(); after != before || !strings.Contains(after, "gocache-writer") {
		t.Errorf("metadata %s became %s", before, after)
	}
}

// TestDeleteOneByOne: a server without DeleteObjects, or without conditions for DELETE, is detected
// once.
func TestDeleteOneByOne(t *testing.T) {
	ctx := context.Background()
	g := gateway(t)
	var batches, conditions int
	o := between(t, g, func(r *http.Request) verdict {
		if r.Method == http.MethodPost && r.URL.Query().Has("delete") {
			batches++
			return notImplemented
		}
		if r.Method == http.MethodDelete && r.Header.Get("if-match") != "" {
			conditions++
			return notImplemented
		}
		return pass
	})
	s := openStore(t, o)
	for round := range 2 {
		var names []string
		for i := range 20 {
			names = append(names, fmt.Sprintf("d/%d", i))
			mustPut(t, s, names[i], []byte("x"))
		}
		if failed := s.Delete(ctx, names); failed != nil {
			t.Fatal(failed)
		}
		mustPut(t, s, "m", fmt.Append(nil, round))
		info, err := s.Stat(ctx, "m")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteVersion(ctx, "m", "other"); !errors.Is(err, store.ErrConflict) {
			t.Error(err)
		}
		if err := s.DeleteVersion(ctx, "m", info.Version); err != nil {
			t.Error(err)
		}
	}
	for e := range s.List(ctx, "") {
		t.Errorf("%s is left", e.Name)
	}
	if batches != 1 || conditions != 1 {
		t.Errorf("%d and %d requests for what the server does not support", batches, conditions)
	}
}
