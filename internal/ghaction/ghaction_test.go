package ghaction

import (
	"bytes"
	"context"
	"reflect"
	"strings"
	"testing"
)

// TestAnnotations: there is one annotation for each kind of problem, whatever file, version or
// number it is about.
func TestAnnotations(t *testing.T) {
	var out bytes.Buffer
	s := New(&out, nowhere{}, func(string, ...any) {})
	for _, m := range []string{
		"module example.com/a@v1.0.0 is not saved: open /x/y: permission denied",
		"module example.com/b@v2.0.0 is not saved: open /x/z: permission denied",
		"module example.com/b@v2.0.0 is not saved: open /x/z: permission denied",
		"build cache output 0123456789abcdef is not saved: unexpected EOF",
		"the store has no conditional writes: of saves of this key at the same time, one may be lost",
	} {
		s.Observe("warning", m, "")
	}
	s.end(context.Background(), nil)
	if n := strings.Count(out.String(), "::warning title=gocache::"); n != 3 || !strings.Contains(out.String(), "(and 1 more like this: see the log)") {
		t.Errorf("%d annotations:\n%s", n, out.String())
	}
}

// nowhere are surroundings without an environment.
type nowhere struct{ Surroundings }

func (nowhere) Getenv(string) string { return "" }

func TestIsCarried(t *testing.T) {
	for name, want := range map[string]bool{
		"INPUT_STORE": true, "AWS_REGION": true, "AZURE_CLIENT_ID": true, "GOOGLE_APPLICATION_CREDENTIALS": true, "Path": true, "GOFLAGS": true, "HOME": true, "GITHUB_REF": true, "https_proxy": true,
		"INPUT_JOB-STATUS": false, "GITHUB_STATE": false, "GITHUB_TOKEN": false, "GOOGLE_CLOUD_PROJECT": false,
		"STATE_dir": false, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": false, "RUNNER_DEBUG": false,
	} {
		if got := isCarried(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestCarriedOthers(t *testing.T) {
	was := carried{Seen: map[string]string{"INPUT_NAME": "a", "GITHUB_REF": "x"}, Process: map[string]string{"PATH": "/a", "AWS_REGION": "r"}}
	now := carried{Seen: map[string]string{"GITHUB_REF": "y"}, Process: map[string]string{"PATH": "/b", "AWS_PROFILE": "p", "AWS_REGION": "r"}}
	if got, want := was.others(now), []string{"$AWS_PROFILE", "the input name"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
}
