package s3test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/store/storetest"
)

// IAM is a gateway whose users and roles are kept by a service with the interface of Amazon's IAM.
// It checks policies when they are given to it, and applies them to each request.
type IAM struct {
	Gateway *storetest.Server // with the keys of root, for whom no policy counts
	service *storetest.Server
}

// Account is the number of the account of all ARNs.
const Account = "000000000000"

// NewIAM starts both for the test.
func NewIAM(t testing.TB) *IAM {
	t.Helper()
	dir, err := os.MkdirTemp("", "iam-") // the name of a socket has a hundred bytes at most
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	service := storetest.StartVersitygw(t, nil, "iam", "--dir", dir, "--private-ports", socket)
	return &IAM{Gateway: storetest.GatewayWithUsers(t, "--iam-standalone-endpoint", socket), service: service}
}

// User makes a user with one policy, and returns the gateway with the user's keys.
func (i *IAM) User(t testing.TB, name, policy string) *storetest.Server {
	t.Helper()
	i.mustCall(t, url.Values{"Action": {"CreateUser"}, "UserName": {name}})
	var made struct {
		Key struct {
			ID     string `xml:"AccessKeyId"`
			Secret string `xml:"SecretAccessKey"`
		} `xml:"CreateAccessKeyResult>AccessKey"`
	}
	answer := i.mustCall(t, url.Values{"Action": {"CreateAccessKey"}, "UserName": {name}})
	if err := xml.Unmarshal(answer, &made); err != nil || made.Key.ID == "" {
		t.Fatalf("keys of %s: %v in %s", name, err, answer)
	}
	i.mustCall(t, url.Values{"Action": {"PutUserPolicy"}, "UserName": {name}, "PolicyName": {"cache"}, "PolicyDocument": {policy}})
	user := *i.Gateway
	user.AccessKey, user.SecretKey = made.Key.ID, made.Key.Secret
	return &user
}

// Role makes a role with a trust policy, and reports what the service has against the policy; ""
// for nothing.
func (i *IAM) Role(t testing.TB, name, trust string) (complaint string) {
	t.Helper()
	status, answer := i.call(t, url.Values{"Action": {"CreateRole"}, "RoleName": {name}, "AssumeRolePolicyDocument": {trust}})
	if status != http.StatusOK {
		return string(answer)
	}
	return ""
}

func (i *IAM) mustCall(t testing.TB, form url.Values) []byte {
	t.Helper()
	status, answer := i.call(t, form)
	if status != http.StatusOK {
		t.Fatalf("%s: http %d: %s", form.Get("Action"), status, answer)
	}
	return answer
}

func (i *IAM) call(t testing.TB, form url.Values) (status int, answer []byte) {
	t.Helper()
	form.Set("Version", "2010-05-08")
	body := form.Encode()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, i.service.Endpoint+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sum := sha256.Sum256([]byte(body))
	if err := sign(t.Context(), r, i.service, hex.EncodeToString(sum[:]), "iam"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, answer
}
