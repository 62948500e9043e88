package s3

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// FuzzReadSession: an accepted session has everything that credentials need, and can be written and
// read again; errors show nothing of the file.
func FuzzReadSession(f *testing.F) {
	seed := filepath.Join(f.TempDir(), "session")
	if err := WriteSession(seed, Session{Version: 1, AccessKeyID: "AKIAEXAMPLE", SecretAccessKey: "secret", SessionToken: "token", Expires: time.Unix(1_800_000_000, 0).UTC(), Role: "arn:aws:iam::1:role/x"}); err != nil {
		f.Fatal(err)
	}
	data, err := os.ReadFile(seed)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"Version":1,"Expiration":"x"}`))
	path := filepath.Join(f.TempDir(), "session")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := ReadSession(path)
		if err != nil {
			if strings.ReplaceAll(err.Error(), path, "") != "credentials file : not one that a restore wrote" {
				t.Errorf("error %v", err)
			}
			return
		}
		if s.AccessKeyID == "" || s.SecretAccessKey == "" || s.Expires.IsZero() {
			t.Error("an incomplete session was accepted")
		}
		if err := WriteSession(path, *s); err != nil {
			return // JSON does not support this time
		}
		back, err := ReadSession(path)
		if err != nil {
			t.Fatal(err)
		}
		if !back.Expires.Equal(s.Expires) || back.AccessKeyID != s.AccessKeyID || back.SecretAccessKey != s.SecretAccessKey || back.SessionToken != s.SessionToken || back.Role != s.Role {
			t.Errorf("read back %#v", back)
		}
	})
}
