package gcs_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/gcs"
	"github.com/org/gocache-action/internal/store/rest"
	"github.com/org/gocache-action/internal/store/storetest"
)

// sessions is a server with one resumable upload, for what fake-gcs-server does not do: to keep a
// piece of a part, as
// https://cloud.google.com/storage/docs/performing-resumable-uploads#chunked-upload says it can.
type sessions struct {
	url     string
	got     []byte
	keeps   func(part []byte) (n int, status int) // of a part; status 0: as it should be
	damages bool
	ended   []string // sessions and objects that were removed
}

func (s *sessions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	contentRange := r.Header.Get("Content-Range")
	switch {
	case r.Method == http.MethodDelete:
		s.ended = append(s.ended, r.URL.RawQuery)
	case r.URL.Query().Get("uploadType") == "resumable":
		w.Header().Set("Location", s.url+"/session?upload_id=1")
	case contentRange == "bytes */*":
		s.resume(w)
	default:
		s.part(w, body, contentRange)
	}
}

func (s *sessions) part(w http.ResponseWriter, body []byte, contentRange string) {
	var begin, end, total int
	if n, _ := fmt.Sscanf(contentRange, "bytes %d-%d/%d", &begin, &end, &total); n < 2 {
		fmt.Sscanf(contentRange, "bytes */%d", &total)
		begin = len(s.got)
	}
	if begin != len(s.got) {
		w.WriteHeader(http.StatusBadRequest) // of what comes next, nothing may be missing
		return
	}
	n, status := s.keeps(body)
	s.got = append(s.got, body[:n]...)
	switch {
	case status != 0:
		w.WriteHeader(status)
	case total > 0 && len(s.got) == total:
		sum := crc32.Checksum(s.got, crc32.MakeTable(crc32.Castagnoli))
		if s.damages {
			sum++
		}
		fmt.Fprintf(w, `{"name":"x","size":"%d","generation":"7","crc32c":%q}`, total, base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum)))
	default:
		s.resume(w)
	}
}

func (s *sessions) resume(w http.ResponseWriter) {
	if len(s.got) > 0 {
		w.Header().Set("Range", fmt.Sprintf("bytes=0-%d", len(s.got)-1))
	}
	w.WriteHeader(http.StatusPermanentRedirect)
}

func withSessions(t *testing.T, s *sessions) *gcs.Store {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return openStore(t, gcs.Options{Bucket: "bucket", Options: rest.Options{Endpoint: s.url, PartSize: gcs.PartUnit, MaxAttempts: 4}, CredentialsFile: storetest.Federation(t).File})
}

// TestPartlyReceived: only what the server does not have of a part is sent again, whether it says
// so at once or is asked after an outage.
func TestPartlyReceived(t *testing.T) {
	want := storetest.Content(1, 3*gcs.PartUnit+1000)
	for _, status := range []int{0, http.StatusServiceUnavailable} {
		first := true
		s := &sessions{keeps: func(part []byte) (int, int) {
			if first = !first; first { // every second time
				return len(part), 0
			}
			return len(part) / 3, status
		}}
		for _, body := range []io.Reader{bytes.NewReader(want), storetest.Stream(want)} {
			s.got = nil
			info, err := withSessions(t, s).Put(context.Background(), "x", body, int64(len(want)), store.Condition{})
			if err != nil || info.Version != "7" || !bytes.Equal(s.got, want) {
				t.Errorf("status %d: %+v, %v, %d bytes", status, info, err, len(s.got))
			}
		}
	}
}

// TestStuckSession: a server that never keeps anything is given up, and the session is ended.
func TestStuckSession(t *testing.T) {
	s := &sessions{keeps: func([]byte) (int, int) { return 0, 0 }}
	data := storetest.Content(1, 2*gcs.PartUnit)
	if _, err := withSessions(t, s).Put(context.Background(), "x", bytes.NewReader(data), int64(len(data)), store.Condition{}); !errors.Is(err, store.ErrUnreachable) {
		t.Error(err)
	}
	if len(s.ended) != 1 || s.ended[0] != "upload_id=1" {
		t.Errorf("ended: %q", s.ended)
	}
}

// TestDamagedOnTheWay: an object whose checksum is not that of what was sent is removed, that
// generation only.
func TestDamagedOnTheWay(t *testing.T) {
	s := &sessions{damages: true, keeps: func(part []byte) (int, int) { return len(part), 0 }}
	data := storetest.Content(1, 2*gcs.PartUnit)
	_, err := withSessions(t, s).Put(context.Background(), "x", bytes.NewReader(data), int64(len(data)), store.Condition{})
	if err == nil || !strings.Contains(err.Error(), "other bytes") || len(s.ended) == 0 || s.ended[0] != "generation=7" {
		t.Errorf("%v, removed %q", err, s.ended)
	}
}
