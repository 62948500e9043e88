package s3test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store/storetest"
)

// CreateBucket makes a bucket by a request, as every server understands it. A server that has just
// been started may need a moment.
func CreateBucket(t testing.TB, s *storetest.Server, bucket string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		status, err := createBucket(s, bucket)
		switch {
		case err == nil:
			return
		case status != http.StatusServiceUnavailable || time.Now().After(deadline):
			t.Fatal(err)
		}
	}
}

func createBucket(s *storetest.Server, bucket string) (status int, err error) {
	nothing := sha256.Sum256(nil)
	hash := hex.EncodeToString(nothing[:])
	ctx := context.Background()
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, s.Endpoint+"/"+bucket, nil)
	if err != nil {
		return 0, err
	}
	r.Header.Set("X-Amz-Content-Sha256", hash)
	if err := sign(ctx, r, s, hash, "s3"); err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if answer, _ := io.ReadAll(resp.Body); resp.StatusCode/100 != 2 {
		return resp.StatusCode, fmt.Errorf("bucket %s: %s %s", bucket, resp.Status, answer)
	}
	return resp.StatusCode, nil
}
