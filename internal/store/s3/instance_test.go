package s3_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/s3"
	"github.com/org/gocache-action/internal/store/storetest"
)

// metadata starts a metadata service.
func metadata(t *testing.T, h http.HandlerFunc) *s3.Instance {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return &s3.Instance{Endpoint: srv.URL}
}

// saying returns a handler that answers everything with this status.
func saying(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(status) }
}

func resetIt(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	}
}

// TestInstanceAbsent: these answers, from a metadata service or something in its place, mean that
// there is no role for this machine.
func TestInstanceAbsent(t *testing.T) {
	t.Parallel()
	g := storetest.Gateway(t)
	o := publicStore(t, g, true)
	for name, h := range map[string]http.HandlerFunc{
		"no role": saying(404), "an empty list": saying(200), "another cloud": saying(400), "a third": saying(403), "a fourth": saying(405),
	} {
		t.Run(name, func(t *testing.T) {
			o := o
			o.Instance = metadata(t, h)
			unsignedReader(t, o)
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		o := o
		o.Instance = &s3.Instance{Endpoint: "http://" + l.Addr().String()}
		unsignedReader(t, o)
	})
	t.Run("switched off", func(t *testing.T) {
		o := o
		o.Instance = metadata(t, saying(500))
		o.Instance.Disabled = true
		unsignedReader(t, o)
	})
}

// TestInstanceOfEnvironment: variables of the SDK say where the metadata service is, or that it is
// disabled. It is used if there are no other credentials.
func TestInstanceOfEnvironment(t *testing.T) {
	g := storetest.Gateway(t)
	o := publicStore(t, g, true)
	for _, disabled := range []bool{false, true} {
		t.Run(fmt.Sprintf("disabled=%t", disabled), func(t *testing.T) {
			withoutCredentials(t)
			var asked atomic.Bool
			service := metadata(t, func(w http.ResponseWriter, _ *http.Request) {
				asked.Store(true)
				w.WriteHeader(http.StatusNotFound)
			})
			t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", service.Endpoint)
			t.Setenv("AWS_EC2_METADATA_DISABLED", fmt.Sprint(disabled))
			unsignedReader(t, o)
			if asked.Load() == disabled {
				t.Errorf("asked: %v", asked.Load())
			}
		})
	}
}

func unsignedReader(t *testing.T, o s3.Options) {
	t.Helper()
	s := openStore(t, o)
	mustRead(t, s, "a", []byte("one"))
	if err := store.Writable(context.Background(), s); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("writable: %v", err)
	}
}

// TestInstancePassing: a metadata service that fails for a while has not said that there is no
// role, so it is asked again.
func TestInstancePassing(t *testing.T) {
	t.Parallel()
	g := storetest.Gateway(t)
	o := publicStore(t, g, true)
	for name, h := range map[string]http.HandlerFunc{
		"overloaded": saying(429), "broken": saying(500), "restarting": saying(503), "unauthorized": saying(401), "reset": resetIt,
		"silent": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := o
			o.Instance = metadata(t, h)
			s := openStore(t, o)
			if _, _, err := s.Open(context.Background(), "a", 0, -1); !errors.Is(err, store.ErrDenied) || errors.Is(err, store.ErrHidden) {
				t.Errorf("read: %v", err)
			}
			if err := store.Writable(context.Background(), s); err == nil || errors.Is(err, store.ErrReadOnly) {
				t.Errorf("writable: %v", err)
			}
		})
	}
}

// TestInstanceRecovers: the same store gets the role once the service answers.
func TestInstanceRecovers(t *testing.T) {
	if testing.Short() {
		t.Skip("waits until a failure expires")
	}
	t.Parallel()
	g := storetest.Gateway(t)
	o := publicStore(t, g, true)
	var up atomic.Bool
	o.Instance = metadata(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !up.Load():
			w.WriteHeader(http.StatusServiceUnavailable)
		case r.Method == http.MethodPut:
			w.WriteHeader(http.StatusNotFound) // this service has no tokens
		case strings.HasSuffix(r.URL.Path, "/role"):
			fmt.Fprintf(w, `{"Code": "Success", "AccessKeyId": %q, "SecretAccessKey": %q, "Expiration": %q}`, g.AccessKey, g.SecretKey, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
		default:
			fmt.Fprint(w, "role")
		}
	})
	s := openStore(t, o)
	if err := store.Writable(context.Background(), s); err == nil || errors.Is(err, store.ErrReadOnly) {
		t.Fatalf("writable: %v", err)
	}
	up.Store(true)
	deadline := time.Now().Add(time.Minute)
	for store.Writable(context.Background(), s) != nil && time.Now().Before(deadline) {
		time.Sleep(200 * time.Millisecond)
	}
	mustPut(t, s, "b", []byte("two"))
}

// TestInstanceNamed: if a profile names the instance as the source of its credentials, a missing
// instance is an error.
func TestInstanceNamed(t *testing.T) {
	g := storetest.Gateway(t)
	o := publicStore(t, g, true)
	withoutCredentials(t)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "false")
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata(t, saying(404)).Endpoint)
	config := t.TempDir() + "/config"
	text := "[default]\nregion = us-east-1\nrole_arn = arn:aws:iam::123456789012:role/cache\ncredential_source = Ec2InstanceMetadata\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CONFIG_FILE", config)
	s := openStore(t, o)
	if _, _, err := s.Open(context.Background(), "a", 0, -1); !errors.Is(err, store.ErrDenied) || errors.Is(err, store.ErrHidden) {
		t.Errorf("read: %v", err)
	}
	if err := store.Writable(context.Background(), s); err == nil || errors.Is(err, store.ErrReadOnly) {
		t.Errorf("writable: %v", err)
	}
}
