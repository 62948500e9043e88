package s3test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/store/storetest"
)

// MakePublic gives a bucket a policy by which everybody may read its objects, and with list also
// learn which there are: else 403 is the answer for an object that does not exist.
func MakePublic(t testing.TB, s *storetest.Server, bucket string, list bool) {
	t.Helper()
	statements := []string{fmt.Sprintf(`{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::%s/*"}`, bucket)}
	if list {
		statements = append(statements, fmt.Sprintf(`{"Effect":"Allow","Principal":"*","Action":"s3:ListBucket","Resource":"arn:aws:s3:::%s"}`, bucket))
	}
	PutPolicy(t, s, bucket, `{"Version":"2012-10-17","Statement":[`+strings.Join(statements, ",")+`]}`)
}

// PutPolicy gives a bucket a policy.
func PutPolicy(t testing.TB, s *storetest.Server, bucket, policy string) {
	t.Helper()
	sum := sha256.Sum256([]byte(policy))
	ctx := context.Background()
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, s.Endpoint+"/"+bucket+"?policy=", strings.NewReader(policy))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	if err := sign(ctx, r, s, hex.EncodeToString(sum[:]), "s3"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, _ := io.ReadAll(resp.Body); resp.StatusCode/100 != 2 {
		t.Fatalf("policy of %s: %s %s", bucket, resp.Status, answer)
	}
}
