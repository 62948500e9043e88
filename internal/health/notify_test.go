package health

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store/dir"
)

func notice() Notice {
	r := Judge(well(each(func(s *Save) { s.Reused, s.Made = 50, 50 })), Defaults())
	return Notice{Repository: `org/"repo" <x>`, Name: "ci/test", Scope: "refs/heads/main", Before: Healthy, Report: r}
}

// TestBody: the body has what there is to say, in JSON also with a template.
func TestBody(t *testing.T) {
	data, err := notice().Body("")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Repository, Name, Scope, Before, Grade, Cap string
		Score                                       int
		Parts                                       []struct {
			Check, Status, Evidence, Remedy string
			Score, Cap                      int
			Weight                          float64
		}
	}
	if err := json.Unmarshal(data, &got); err != nil || got.Repository != `org/"repo" <x>` || got.Grade != "warning" || got.Before != "healthy" || got.Score != 75 ||
		got.Cap != "hits" || len(got.Parts) != 8 || got.Parts[0].Check != "hits" || got.Parts[0].Status != "fail" || got.Parts[0].Weight != 0.4 || got.Parts[0].Remedy == "" {
		t.Errorf("%v\n%s", err, data)
	}
	data, err = notice().Body(`{"text": {{json .Repository}}, "n": {{.Score}}}`)
	if err != nil || string(data) != `{"text": "org/\"repo\" <x>", "n": 75}` {
		t.Errorf("%v, %s", err, data)
	}
	for text, want := range map[string]string{`{"text": "{{.Repository}}"}`: "no valid JSON", "{{.Nothing}}": "Nothing", "{{": "unclosed"} {
		if _, err := notice().Body(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestTemplates: those that people can copy make what chat services take.
func TestTemplates(t *testing.T) {
	for name, want := range map[string]string{
		"slack.tmpl": `"Go cache of *org/\"repo\" <x>* (ci/test) is *warning*, 75 of 100"`, "teams.tmpl": `"Go cache of org/\"repo\" <x> is warning, 75 of 100"`,
	} {
		text, err := os.ReadFile(filepath.Join("../../deploy/monitoring", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []Notice{notice(), {Report: Report{Grade: Healthy}}} {
			data, err := n.Body(string(text))
			if err != nil || n.Score > 0 && (!strings.Contains(string(data), want) || !strings.Contains(string(data), "hits: 50")) {
				t.Errorf("%s: %v\n%s", name, err, data)
			}
		}
	}
}

// TestNotify: what may help is tried again, what does not is not, and no error has the URL.
func TestNotify(t *testing.T) {
	var answers []int
	var bodies []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies = append(bodies, r.Method+" "+r.Header.Get("Content-Type")+" "+string(body))
		status := answers[0]
		answers = answers[1:]
		if status == http.StatusFound {
			w.Header().Set("Location", "/sesame/other")
		}
		w.WriteHeader(status)
		io.WriteString(w, "because")
	}))
	defer server.Close()
	url := server.URL + "/services/sesame"
	for _, c := range []struct {
		answers []int
		tries   int
		err     string
	}{
		{[]int{204}, 1, ""},
		{[]int{500, 200}, 2, ""},
		{[]int{404, 200}, 1, `webhook: 404 Not Found: "because"`},
		{[]int{302, 200}, 1, "webhook: 302 Found"},
	} {
		answers, bodies = c.answers, nil
		err := Notify(t.Context(), http.DefaultClient, url, []byte("{}"))
		if fmt.Sprint(err) != "<nil>" && (c.err == "" || !strings.Contains(err.Error(), c.err)) || err == nil && c.err != "" {
			t.Errorf("%v: %v", c.answers, err)
		}
		if len(bodies) != c.tries || bodies[0] != "POST application/json {}" || err != nil && strings.Contains(err.Error(), "sesame") {
			t.Errorf("%v: %q, %v", c.answers, bodies, err)
		}
	}
	answers = []int{503, 503, 503, 503, 503}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := Notify(ctx, http.DefaultClient, url, nil); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "503") || len(answers) != 4 {
		t.Errorf("with little time: %v, %d left", err, len(answers))
	}
	server.Close()
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := Notify(ctx, http.DefaultClient, url, nil); err == nil || strings.Contains(err.Error(), "sesame") {
		t.Errorf("nobody there: %v", err)
	}
}

// TestKeepers: a grade comes back from a file and from a store, by job; what is no grade is an
// error, and can be replaced.
func TestKeepers(t *testing.T) {
	st, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "sub", "grade.json")
	if !CanKeep(t.Context(), st) {
		t.Error("a directory cannot keep")
	}
	for name, k := range map[string]Keeper{"file": FileKeeper{file}, "store": StoreKeeper{st, "r", "s", "ci/Test job"}} {
		if g, err := k.Last(t.Context()); g != "" || err != nil {
			t.Errorf("%s, at first: %s, %v", name, g, err)
		}
		for _, g := range []Grade{Warning, Healthy} {
			if err := k.Keep(t.Context(), g, now); err != nil {
				t.Fatal(err)
			}
			if got, err := k.Last(t.Context()); got != g || err != nil {
				t.Errorf("%s: %s, %v; want %s", name, got, err, g)
			}
		}
	}
	if g, err := (StoreKeeper{st, "r", "s", "other"}).Last(t.Context()); g != "" || err != nil {
		t.Errorf("another job: %s, %v", g, err)
	}
	for _, text := range []string{"", "{}", `{"grade":"splendid"}`, `{"grade":"unknown"}`} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if g, err := (FileKeeper{file}).Last(t.Context()); err == nil {
			t.Errorf("%q is %s", text, g)
		}
	}
}

func TestIsNews(t *testing.T) {
	for _, c := range []struct {
		last, now Grade
		news      bool
	}{
		{"", Healthy, false}, {"", Warning, true}, {"", Unknown, false}, {Healthy, Healthy, false}, {Healthy, Warning, true}, {Warning, Healthy, true},
		{Warning, Warning, false}, {Warning, Unhealthy, true}, {Warning, Unknown, false},
	} {
		if got := IsNews(c.last, c.now); got != c.news {
			t.Errorf("%q, then %s: %t", c.last, c.now, got)
		}
	}
}
