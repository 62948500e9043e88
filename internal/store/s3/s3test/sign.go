package s3test

import (
	"context"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/org/gocache-action/internal/store/storetest"
)

// sign signs a request with the keys of a server.
func sign(ctx context.Context, r *http.Request, s *storetest.Server, bodyHash, service string) error {
	keys := aws.Credentials{AccessKeyID: s.AccessKey, SecretAccessKey: s.SecretKey}
	return v4.NewSigner().SignHTTP(ctx, keys, r, bodyHash, service, "us-east-1", time.Now(), func(o *v4.SignerOptions) {
		o.DisableURIPathEscaping = service == "s3"
	})
}
