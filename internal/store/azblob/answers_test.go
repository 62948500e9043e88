package azblob_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/azblob"
	"github.com/org/gocache-action/internal/store/rest"
	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/internal/usage"
)

// each returns what each operation of a store fails with.
func each(s *azblob.Store) map[string]error {
	ctx := context.Background()
	_, _, open := s.Open(ctx, "x", 0, -1)
	_, stat := s.Stat(ctx, "x")
	_, put := s.Put(ctx, "x", bytes.NewReader([]byte("x")), 1, store.Condition{})
	all := map[string]error{"open": open, "stat": stat, "put": put}
	for _, err := range s.List(ctx, "") {
		all["list"] = err
	}
	return all
}

func fails(t *testing.T, s *azblob.Store, want error, texts ...string) {
	t.Helper()
	for op, err := range each(s) {
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", op, err, want)
			continue
		}
		for _, text := range texts {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v has no %q", op, err, text)
			}
		}
		if strings.ContainsAny(err.Error(), "\n\r") {
			t.Errorf("%s: several lines: %v", op, err)
		}
	}
}

// TestRealAnswers: what Azurite says of wrong names and credentials.
func TestRealAnswers(t *testing.T) {
	t.Parallel()
	c := storetest.Azurite(t)
	o := options(t, c)
	query := storetest.AzuriteSignature()

	missing := o
	missing.Container = "no-such-container"
	s := openStore(t, missing)
	fails(t, s, store.ErrNoStore, "no-such-container", storetest.AzuriteAccount)
	if n := s.Requests(); n["HEAD"] > 2 || n["GET"] > 1 || n["PUT"] > 1 {
		t.Errorf("requests: %v", n)
	}

	wrong := o
	wrong.Credentials.Key = base64.StdEncoding.EncodeToString([]byte("another key"))
	fails(t, openStore(t, wrong), store.ErrDenied, "http 403")

	signed := o
	signed.Credentials = azblob.Credentials{SAS: "?" + query.Encode()}
	works(t, openStore(t, signed))
	query.Set("sp", "r") // which is not what the signature is of
	signed.Credentials.SAS = query.Encode()
	s = openStore(t, signed)
	fails(t, s, store.ErrDenied)
	for op, err := range each(s) {
		if strings.Contains(err.Error(), query.Get("sig")) {
			t.Errorf("%s: %v has the signature", op, err)
		}
	}
	works(t, openStore(t, o))
	if refuses, err := openStore(t, o).RefusesDamage(context.Background(), "damaged"); !refuses || err != nil {
		t.Errorf("damage: %t, %v", refuses, err)
	}
	if now, err := openStore(t, o).ServerTime(context.Background()); err != nil || now.IsZero() {
		t.Errorf("time: %v, %v", now, err)
	}
}

// works writes an object and reads it.
func works(t *testing.T, s store.Store) {
	t.Helper()
	want := []byte("a + b")
	if _, err := s.Put(context.Background(), "dir/a+b@v1", bytes.NewReader(want), int64(len(want)), store.Condition{}); err != nil {
		t.Fatal(err)
	}
	if got, _, err := store.Get(context.Background(), s, "dir/a+b@v1", 100); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
}

// TestAnswers: answers that Azurite does not give, with texts of the service.
func TestAnswers(t *testing.T) {
	for code, c := range map[string]struct {
		status int
		want   error
		text   string
	}{
		"AuthorizationPermissionMismatch":                        {403, store.ErrDenied, "Storage Blob Data Contributor"},
		"KeyBasedAuthenticationNotPermitted":                     {403, store.ErrDenied, "AZURE_STORAGE_KEY"},
		"PublicAccessNotPermitted":                               {409, store.ErrDenied, "no credentials"},
		"ContainerBeingDeleted":                                  {409, store.ErrNoStore, ""},
		"AccountIsDisabled":                                      {403, store.ErrDenied, ""},
		"InvalidAuthenticationInfo":                              {401, store.ErrDenied, ""},
		"ServerBusy":                                             {503, store.ErrUnreachable, ""},
		"FeatureNotYetSupportedForHierarchicalNamespaceAccounts": {409, store.ErrUnsupported, ""},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			w.Header().Set("X-Ms-Error-Code", code)
			w.WriteHeader(c.status)
			fmt.Fprintf(w, "\ufeff<?xml version=\"1.0\"?><Error><Code>%s</Code><Message>What is wrong.\nRequestId:1\nTime:2</Message></Error>", code)
		}))
		s := openStore(t, azblob.Options{Container: "con", Account: "acc", Options: rest.Options{Endpoint: server.URL, MaxAttempts: 1}, Credentials: azblob.Credentials{SAS: "sig=abc"}})
		fails(t, s, c.want, code, c.text)
		server.Close()
	}
}

// TestNotAzure: the 404 of another server is no miss.
func TestNotAzure(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	s := openStore(t, azblob.Options{Container: "con", Account: "acc", Options: rest.Options{Endpoint: server.URL, MaxAttempts: 1}, Credentials: azblob.Credentials{SAS: "sig=abc"}})
	fails(t, s, store.ErrUnreachable, "is the endpoint right?")
}

func TestOptions(t *testing.T) {
	for text, o := range map[string]azblob.Options{
		"name of a container": {Container: "UPPER", Account: "acc"},
		"no storage account":  {Container: "con"},
		"storage account":     {Container: "con", Account: "a-b"},
		"endpoint":            {Container: "con", Account: "acc", Options: rest.Options{Endpoint: "https://host?sig=hunter2"}},
		"AZURE_STORAGE_KEY":   {Container: "con", Account: "acc", Credentials: azblob.Credentials{Key: "hunter2!"}},
		"signature":           {Container: "con", Account: "acc", Credentials: azblob.Credentials{SAS: "hunter2"}},
	} {
		_, err := azblob.New(o)
		if !usage.Is(err) || !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
