package gcs

import (
	"bytes"
	"context"
	"crypto/rand"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/parts"
)

// ServerTime asks the server for the time.
func (s *Store) ServerTime(ctx context.Context) (time.Time, error) {
	return s.client.ServerTime(ctx, s.opts.Endpoint+"/storage/v1/b/"+s.opts.Bucket)
}

// RefusesDamage writes an object whose bytes do not match their checksum, and reports whether the
// server refuses it, as it should. If it does not, the object is there.
func (s *Store) RefusesDamage(ctx context.Context, name string) (bool, error) {
	body, other := []byte("damaged on the way"), newCRC()
	other.Write([]byte("as it was sent"))
	w := &write{s: s, name: name, cond: store.Condition{}, id: rand.Text()}
	r, err := w.upload(&parts.Part{Body: bytes.NewReader(body), Size: int64(len(body)), Sum: other.Sum(nil)})
	if err != nil {
		return false, err
	}
	refuses, err := s.client.Refuses(ctx, r)
	if err != nil {
		return false, s.fail("write", name, err)
	}
	return refuses, nil
}
