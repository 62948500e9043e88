package snapshot_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/org/gocache-action/internal/snapshot"
)

// The keys of the frozen vector, made by `gocache keygen`, and another pair.
const (
	vectorPrivate = "PRIVATE+KEY+vector+464e82ee+AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
	vectorPublic  = "vector+464e82ee+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
)

func signer(t *testing.T, private string) note.Signer {
	t.Helper()
	s, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func trust(t *testing.T, maxAge time.Duration, public ...string) *snapshot.Trust {
	t.Helper()
	out := &snapshot.Trust{MaxAge: maxAge}
	for _, p := range public {
		v, err := note.NewVerifier(p)
		if err != nil {
			t.Fatal(err)
		}
		out.Keys = append(out.Keys, v)
	}
	return out
}

func otherKeys(t *testing.T, name string) (private, public string) {
	t.Helper()
	private, public, err := note.GenerateKey(nil, name)
	if err != nil {
		t.Fatal(err)
	}
	return private, public
}

func TestSignedManifest(t *testing.T) {
	m := sampleManifest()
	signed, err := m.EncodeSigned(signer(t, vectorPrivate))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	otherPrivate, otherPublic := otherKeys(t, "vector")
	byOther, err := m.EncodeSigned(signer(t, otherPrivate))
	if err != nil {
		t.Fatal(err)
	}
	line := signatureOf(signed)
	now := m.Writer.Time.Add(time.Hour)
	for name, c := range map[string]struct {
		data  []byte
		trust *snapshot.Trust
		now   time.Time
		want  string // part of the error; "": none
	}{
		"signed":                    {signed, trust(t, time.Hour, vectorPublic), now, ""},
		"two keys, the first":       {signed, trust(t, 0, vectorPublic, otherPublic), now, ""},
		"two keys, the second":      {signed, trust(t, 0, otherPublic, vectorPublic), now, ""},
		"any age":                   {signed, trust(t, 0, vectorPublic), now.AddDate(5, 0, 0), ""},
		"nothing demanded":          {signed, nil, now, ""},
		"nothing demanded, plain":   {plain, nil, now, ""},
		"a clock that is behind":    {signed, trust(t, time.Hour, vectorPublic), now.Add(-25 * time.Hour), ""},
		"plain":                     {plain, trust(t, 0, vectorPublic), now, "not signed"},
		"another key":               {byOther, trust(t, 0, vectorPublic), now, "not one of the trusted"},
		"only another key":          {signed, trust(t, 0, otherPublic), now, "not one of the trusted"},
		"no keys":                   {signed, trust(t, 0), now, "not one of the trusted"},
		"expired":                   {signed, trust(t, time.Hour, vectorPublic), now.Add(time.Second), "expired"},
		"from the future":           {signed, trust(t, time.Hour, vectorPublic), now.AddDate(0, 0, -4), "in the future"},
		"signature of other bytes":  {withSignature(sampleOther(t), line), trust(t, 0, vectorPublic), now, "wrong signature"},
		"key renamed":               {withSignature(plain, strings.Replace(signatureOf(byOther), otherID(otherPublic), "vector+464e82ee", 1)), trust(t, 0, vectorPublic), now, "wrong signature"},
		"no base64":                 {withSignature(plain, "signature vector+464e82ee !!"), trust(t, 0, vectorPublic), now, "not one of the trusted"},
		"empty signature":           {withSignature(plain, "signature vector+464e82ee "), trust(t, 0, vectorPublic), now, "wrong signature"},
		"a second hash of the body": {withSignature(signed, "sha256 "+strings.Repeat("0", 64)), trust(t, 0, vectorPublic), now, ""},
	} {
		got, err := c.trust.DecodeManifest(c.data, c.now)
		switch {
		case name == "a second hash of the body":
			// Whatever the line means, it is not signed.
			if err == nil {
				t.Errorf("%s: accepted", name)
			}
		case c.want == "" && (err != nil || got == nil):
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (!errors.Is(err, snapshot.ErrUntrusted) || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

func sampleOther(t *testing.T) []byte {
	t.Helper()
	m := sampleManifest()
	m.Scope = "refs/heads/evil"
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// signedLines returns the signed lines of a manifest, and the rest of its header.
func signedLines(data []byte) (signed, rest string) {
	lines := strings.SplitN(string(data), "\n", 3)
	if len(lines) < 3 {
		return string(data), ""
	}
	return lines[0] + "\n" + lines[1], lines[2]
}

// signatureOf returns the line with the signature.
func signatureOf(data []byte) string {
	for line := range strings.Lines(string(data[:1024])) {
		if strings.HasPrefix(line, "signature ") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// withSignature adds a line after the other header lines.
func withSignature(data []byte, line string) []byte {
	head, body, _ := bytes.Cut(data, []byte("\n\n"))
	return append([]byte(string(head)+"\n"+line+"\n\n"), body...)
}

// otherID cuts off the key itself, whose base64 can have a plus sign.
func otherID(public string) string { return strings.Join(strings.SplitN(public, "+", 3)[:2], "+") }

// TestSignatureVector checks the frozen signed manifest as another program would: with ed25519 and
// base64 alone.
func TestSignatureVector(t *testing.T) {
	file := filepath.Join("..", "..", "testdata", "format2", "manifest-signed")
	if *update {
		data, err := sampleManifest().EncodeSigned(signer(t, vectorPrivate))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitN(string(data), "\n", 4)
	key, err := base64.StdEncoding.DecodeString(strings.SplitN(vectorPublic, "+", 3)[2])
	if err != nil || key[0] != 1 {
		t.Fatal(err, key)
	}
	sig, err := base64.StdEncoding.DecodeString(strings.Fields(lines[2])[2])
	if err != nil {
		t.Fatal(err)
	}
	if !ed25519.Verify(key[1:], []byte(lines[0]+"\n"+lines[1]+"\n"), sig) {
		t.Error("the signature of the frozen manifest is wrong")
	}
	if _, err := trust(t, 0, vectorPublic).DecodeManifest(data, time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)); err != nil {
		t.Error(err)
	}
}
