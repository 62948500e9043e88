package azblob

import (
	"bytes"
	"context"
	"crypto/md5"
	"net/http"
	"time"

	"github.com/org/gocache-action/internal/store/rest"
)

// ServerTime asks the server for the time.
func (s *Store) ServerTime(ctx context.Context) (time.Time, error) {
	return s.client.ServerTime(ctx, s.containerURL("restype=container"))
}

// RefusesDamage writes an object whose bytes do not match their checksum, and reports whether the
// server refuses it, as it should. If it does not, the object is there.
func (s *Store) RefusesDamage(ctx context.Context, name string) (bool, error) {
	body, other := []byte("damaged on the way"), md5.Sum([]byte("as it was sent"))
	refuses, err := s.client.Refuses(ctx, rest.Request{
		Kind: rest.Put, Method: http.MethodPut, URL: s.blobURL(name, ""), Body: bytes.NewReader(body), Size: int64(len(body)),
		Header: http.Header{"X-Ms-Blob-Type": {"BlockBlob"}, "Content-Md5": {md5Text(other[:])}},
	})
	if err != nil {
		return false, s.fail("write", name, err)
	}
	return refuses, nil
}
