package s3

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
)

// onGoogle reports whether an endpoint is the S3 interface of Google Cloud Storage.
func onGoogle(endpoint string) bool {
	u, err := url.Parse(endpoint)
	return err == nil && (u.Hostname() == "storage.googleapis.com" || strings.HasSuffix(u.Hostname(), ".storage.googleapis.com"))
}

// googleSigner leaves Accept-Encoding out of the signature. The SDK signs this header, but Google's
// front end changes it before the signature is checked, so every write would fail with
// SignatureDoesNotMatch (aws/aws-sdk-go-v2#1816).
type googleSigner struct{ awss3.HTTPSignerV4 }

func (s googleSigner) SignHTTP(ctx context.Context, c aws.Credentials, r *http.Request, hash, service, region string, t time.Time, o ...func(*v4.SignerOptions)) error {
	r.Header.Del("Accept-Encoding")
	return s.HTTPSignerV4.SignHTTP(ctx, c, r, hash, service, region, t, o...)
}
