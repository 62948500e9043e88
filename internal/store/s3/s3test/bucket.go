package s3test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"testing"

	"github.com/org/gocache-action/internal/store/storetest"
)

// CreateBucket makes a bucket by a request, as every server understands it.
func CreateBucket(t testing.TB, s *storetest.Server, bucket string) {
	t.Helper()
	nothing := sha256.Sum256(nil)
	ctx := context.Background()
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, s.Endpoint+"/"+bucket, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(nothing[:]))
	if err := sign(ctx, r, s, hex.EncodeToString(nothing[:]), "s3"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, _ := io.ReadAll(resp.Body); resp.StatusCode/100 != 2 {
		t.Fatalf("bucket %s: %s %s", bucket, resp.Status, answer)
	}
}
