package cli

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/rogpeppe/go-internal/goproxytest"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/store/s3/s3test"
	"github.com/org/gocache-action/internal/store/storetest"
)

// testSecrets are the secrets of the tests below, one for each channel through which a job gets
// secrets. None of them may be readable anywhere afterwards.
var testSecrets = map[string]string{
	"secret access key":        "SecretAccessKey/of+a-test=0001",
	"session token":            "SessionToken//of+a-test==0002",
	"OIDC token":               "eyJhbGciOi.OIDCTokenOfATest.0003",
	"SSE-C key":                base64.StdEncoding.EncodeToString([]byte("customer-key-of-this-test-000004")),
	"private key":              "PRIVATE+KEY+vector+464e82ee+AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
	"seed of the private key":  "AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
	"password in the remote":   "GitPasswordOfATest0005",
	"password in GOPROXY":      "ProxyPasswordOfATest0006",
	"password in HTTP_PROXY":   "HttpProxyPassword0007",
	"password in a store URL":  "StoreUrlPassword0008",
	"parameter of a store URL": "StoreUrlParameter0009",
	"flag of GOFLAGS":          "TokenInGoflags0010",
}

// searched collects texts, and looks for secrets in them.
type searched struct {
	t     *testing.T
	texts map[string]string
}

func (s *searched) add(where, text string) { s.texts[where] += text }

// addTree adds files, and their decompressed content.
func (s *searched) addTree(what, root string, not ...string) {
	s.t.Helper()
	for name, data := range filesBelow(s.t, root) {
		where := what + " " + name
		if strings.HasPrefix(name, ".") || containsPrefix(not, name) {
			continue
		}
		s.add(where, name+data)
		_, body, _ := strings.Cut(data, "\n\n") // a manifest
		for _, stored := range []string{data, body} {
			s.add(where, unzstd(stored))
		}
	}
}

func containsPrefix(list []string, name string) bool {
	for _, p := range list {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// unzstd decompresses as much as it can.
func unzstd(data string) string {
	r, err := zstd.NewReader(strings.NewReader(data))
	if err != nil {
		return ""
	}
	defer r.Close()
	text, _ := io.ReadAll(io.LimitReader(r, 10<<20))
	return string(text)
}

// mustBeClean looks for each secret, in all forms in which it could be printed.
func (s *searched) mustBeClean() {
	s.t.Helper()
	for what, secret := range testSecrets {
		forms := []string{secret, url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret)), hex.EncodeToString([]byte(secret))}
		if quoted, err := json.Marshal(secret); err == nil {
			forms = append(forms, string(quoted[1:len(quoted)-1]))
		}
		if what == "SSE-C key" {
			forms = append(forms, "customer-key-of-this-test-000004", "LS5mzJx1") // as bytes
		}
		for where, text := range s.texts {
			for _, form := range forms {
				if i := strings.Index(text, form); i >= 0 {
					s.t.Errorf("%s is in %s: ...%.300q", what, where, text[max(0, i-100):])
					break
				}
			}
		}
	}
}

// A secretJob is a job with a secret in each channel, and a server that requires some of them.
type secretJob struct {
	*testJob
	gateway *storetest.Server
	front   *s3test.Front
	found   searched
}

func newSecretJob(t *testing.T) *secretJob {
	if runtime.GOOS == "windows" {
		t.Skip("the commands in PATH are shell scripts")
	}
	j := &secretJob{testJob: newTestJob(t), gateway: storetest.Gateway(t), found: searched{t, map[string]string{}}}
	j.gateway.Bucket(t, "bucket")
	j.front = s3test.NewFront(t, j.gateway)
	j.front.Encrypts, j.front.SessionToken = true, testSecrets["session token"]
	for _, kv := range j.gateway.Env() {
		k, v, _ := strings.Cut(kv, "=")
		t.Setenv(k, v)
	}
	store := *j.gateway
	store.Endpoint = j.front.URL
	proxies := goproxytest.NewTestServer(t, "../../testdata/modules", "").URL + ",https://ci:" + testSecrets["password in GOPROXY"] + "@proxy.example.com"
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIDOFATEST", "AWS_SECRET_ACCESS_KEY": testSecrets["secret access key"], "AWS_SESSION_TOKEN": testSecrets["session token"],
		"GOPROXY": proxies, "HTTP_PROXY": "http://ci:" + testSecrets["password in HTTP_PROXY"] + "@127.0.0.1:9", "GOFLAGS": "-ldflags=-X=main.token=" + testSecrets["flag of GOFLAGS"],
		config.Variable("store"): store.URL("bucket", ""), customerKeyVariable: testSecrets["SSE-C key"], config.Variable("sign-key"): testSecrets["private key"],
		config.Variable("summary"): j.path("summary.md"), config.Variable("state"): j.path("state.json"), config.Variable("debug"): "true",
	} {
		t.Setenv(name, value)
	}
	j.wrap("go", "git")
	j.write("m/go.mod", "module example.com/m\n\ngo 1.21\n\nrequire example.com/greet v1.0.0\n")
	j.write("m/m.go", "package m\n\nimport \"example.com/greet\"\n\nvar X = greet.Hello\n")
	j.goCommand("mod", "tidy")
	for _, args := range [][]string{{"init", "-q"}, {"remote", "add", "origin", "https://ci:" + testSecrets["password in the remote"] + "@git.example.com/octo/m.git"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = j.path("m")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	// from here on, the logged command lines are those that gocache runs
	if err := os.WriteFile(j.path("commands.log"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return j
}

// wrap puts scripts in front of programs, which log their command lines, since every user of a
// machine can read those.
func (j *secretJob) wrap(names ...string) {
	j.t.Helper()
	for _, name := range names {
		program, err := exec.LookPath(name)
		if err != nil {
			j.t.Fatal(err)
		}
		j.write("bin/"+name, "#!/bin/sh\nprintf '%s\\n' \"$0 $*\" >>"+j.path("commands.log")+"\nexec "+program+" \"$@\"\n")
		if err := os.Chmod(j.path("bin/"+name), 0o755); err != nil {
			j.t.Fatal(err)
		}
	}
	j.t.Setenv("PATH", j.path("bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// command runs a command and keeps its output.
func (j *secretJob) command(want int, args ...string) string {
	j.t.Helper()
	code, out := j.run(args...)
	if code != want {
		j.t.Errorf("%s: exit code %d\n%s", strings.Join(args, " "), code, out)
	}
	j.found.add("the output of "+args[0], out)
	return out
}

// TestNoSecretIsTold runs restores and saves that succeed and that fail, with a secret in every
// channel and with --debug. It searches everything that they leave: outputs, JSON, summary, state,
// files of the machine, stored objects, and the command lines of other programs.
func TestNoSecretIsTold(t *testing.T) {
	j := newSecretJob(t)
	j.goCommand("build", "./...")
	out := j.command(0, "save", "--fail-on-error")
	if !strings.Contains(out, "saved in ") {
		t.Fatalf("save:\n%s", out)
	}
	j.fresh()
	out += j.command(0, "restore", "--fail-on-error", "--fail-on-miss", "--trust-key", "vector+464e82ee+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4")
	j.command(0, "restore", "--json")
	j.command(0, "save", "--json")
	j.command(0, "plan", "--json")
	j.command(0, "plan")
	// All of this would be worthless if the secrets were not used, or if nothing were printed about
	// them.
	used := ""
	for _, r := range j.front.Requests() {
		used += r.Header.Get("X-Amz-Security-Token") + r.Header.Get("X-Amz-Server-Side-Encryption-Customer-Key")
	}
	if !strings.Contains(used, testSecrets["session token"]) || !strings.Contains(used, testSecrets["SSE-C key"]) {
		t.Error("the server did not get the secrets")
	}
	for _, text := range []string{
		"debug: PUT " + j.front.URL + "/bucket/v2/", "debug: GET " + j.front.URL, "authorization: ***", "x-amz-security-token: ***", "customer-key: ***", "customer-key-md5: ***",
		"attempt 1 of 5", "debug: $AWS_SECRET_ACCESS_KEY is set", "with a customer key", "git.example.com/octo/m", "http://***@127.0.0.1:9", "debug: $GOFLAGS is set", "signs true",
	} {
		if !strings.Contains(out, text) {
			t.Errorf("--debug does not say %q:\n%s", text, out)
		}
	}

	// A command that fails says why, and no more.
	j.front.SessionToken = "another"
	j.fresh()
	j.command(0, "restore")
	j.command(0, "save")
	j.command(1, "plan")
	j.command(0, "restore", "--store", "s3://bucket?endpoint=http://127.0.0.1:9&path-style=true", "--stall-timeout", "1s")
	for _, store := range []string{
		"s3://key:" + testSecrets["password in a store URL"] + "@bucket", "s3://key:" + testSecrets["password in a store URL"] + "@bucket/%zz",
		"s3://bucket?endpoint=http://k:" + testSecrets["password in a store URL"] + "@h", "s3://bucket?secret=" + testSecrets["parameter of a store URL"],
		"s3://bucket?sse-c-key=" + testSecrets["parameter of a store URL"], "s3://bucket?endpoint=http%3A%2F%2Fh%3Ftoken%3D" + testSecrets["parameter of a store URL"],
	} {
		j.command(2, "restore", "--store", store)
	}
	// the private key in the wrong places
	for _, flag := range []string{"--trust-key", "--verify", "--timeout", "--zips"} {
		j.command(2, "restore", flag, testSecrets["private key"])
	}
	j.command(2, "restore", "--check-sumdb", testSecrets["SSE-C key"])
	t.Setenv(config.Variable("timeout"), testSecrets["private key"])
	j.command(2, "restore")
	t.Setenv(config.Variable("timeout"), "")
	t.Setenv(customerKeyVariable, "") // otherwise the request would not be sent
	t.Setenv("http_proxy", "http://ci:"+testSecrets["password in HTTP_PROXY"]+"@no such host:1")
	j.command(0, "restore", "--store", "s3://bucket?endpoint=http://s3.invalid&path-style=true", "--stall-timeout", "1s")

	j.found.addTree("the file", j.home, "m/.git/", "bin/")
	j.found.addTree("the object", filepath.Join(j.gateway.DataDir, "bucket"))
	j.found.mustBeClean()
	if n := len(j.found.texts); n < 10 {
		t.Errorf("only %d texts were searched", n)
	}
}

// TestNoSecretOfARoleIsTold covers secrets that a job gets only while it runs: a token for a role,
// and the credentials that it gets for the token.
func TestNoSecretOfARoleIsTold(t *testing.T) {
	j := newSecretJob(t)
	keys := *j.gateway
	keys.SecretKey = testSecrets["secret access key"]
	sts := storetest.NewSTS(t, &keys)
	sts.Token, sts.SessionToken = testSecrets["OIDC token"], testSecrets["session token"]
	sts.Setenv(t)
	t.Setenv(config.TokenVariable, sts.Token)
	args := []string{"--role-to-assume", sts.Role, "--keep-credentials", j.path("kept"), "--fail-on-error"}
	out := j.command(0, append([]string{"restore"}, args...)...)
	j.goCommand("build", "./...")
	t.Setenv(config.TokenVariable, "")
	out += j.command(0, append([]string{"save"}, args...)...)
	if !strings.Contains(out, "saved in ") || !strings.Contains(out, "debug: POST "+sts.Endpoint) || len(sts.Requests()) != 1 {
		t.Errorf("%d requests to STS\n%s", len(sts.Requests()), out)
	}
	if kept, err := os.ReadFile(j.path("kept")); err != nil || !bytes.Contains(kept, []byte("0002")) {
		t.Errorf("the one file that has them: %s, %v", kept, err)
	}
	sts.Token = "another" // it refuses, and says so
	t.Setenv(config.TokenVariable, testSecrets["OIDC token"])
	j.command(0, append([]string{"restore"}, args[:2]...)...)

	j.found.addTree("the file", j.home, "m/.git/", "bin/", "kept")
	j.found.addTree("the object", filepath.Join(j.gateway.DataDir, "bucket"))
	j.found.mustBeClean()
}

// TestNoSecretOfAnActionIsTold: inputs carry secrets in other variables. Each is in the log once,
// to be masked.
func TestNoSecretOfAnActionIsTold(t *testing.T) {
	j := newSecretJob(t)
	r := newGHRunner(t)
	for _, name := range []string{config.Variable("store"), customerKeyVariable, config.Variable("sign-key"), config.Variable("summary"), config.Variable("state"), config.Variable("debug")} {
		t.Setenv(name, "")
	}
	store := *j.gateway
	store.Endpoint = j.front.URL
	for name, value := range map[string]string{
		"INPUT_STORE": store.URL("bucket", ""), "INPUT_ACCESS-KEY-ID": "AKIDOFATEST", "INPUT_SECRET-ACCESS-KEY": testSecrets["secret access key"],
		"INPUT_SESSION-TOKEN": testSecrets["session token"], "INPUT_SSE-C-KEY": testSecrets["SSE-C key"], "INPUT_SIGN-KEY": testSecrets["private key"],
		"RUNNER_DEBUG": "1", "GITHUB_STEP_SUMMARY": r.path("summary.md"),
	} {
		r.env[name] = value
	}
	main := r.phase("main", nil, "debug: GET "+j.front.URL, "no snapshot found")
	r.build("Secret")
	post := r.phase("post", stateOf(main), "saved in refs/heads/main", "debug: PUT "+j.front.URL)
	for phase, got := range map[string]map[string]string{"main": main, "post": post} {
		for line := range strings.Lines(got["log"]) {
			if !strings.HasPrefix(line, "::add-mask::") {
				j.found.add("the log of "+phase, line)
			}
		}
		for _, what := range []string{"secret access key", "session token", "SSE-C key", "private key"} {
			if !strings.Contains(got["log"], "::add-mask::"+testSecrets[what]+"\n") {
				t.Errorf("%s: the %s is not masked", phase, what)
			}
		}
	}
	j.found.addTree("the file", r.root)
	j.found.addTree("the object", filepath.Join(j.gateway.DataDir, "bucket"))
	j.found.mustBeClean()
}
