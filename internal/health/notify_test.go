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
	"testing/synctest"
	"time"

	"github.com/org/gocache-action/internal/store"
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
			Check, Status, Evidence string
			Remedy                  struct{ Advice string }
			Score, Cap              int
			Weight                  float64
		}
	}
	if err := json.Unmarshal(data, &got); err != nil || got.Repository != `org/"repo" <x>` || got.Grade != "warning" || got.Before != "healthy" || got.Score != 75 ||
		got.Cap != "hits" || len(got.Parts) != 8 || got.Parts[0].Check != "hits" || got.Parts[0].Status != "fail" || got.Parts[0].Weight != 0.4 || got.Parts[0].Remedy.Advice == "" {
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
	server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := Notify(ctx, http.DefaultClient, url, nil); err == nil || strings.Contains(err.Error(), "sesame") {
		t.Errorf("nobody there: %v", err)
	}
}

// TestNotifyWithLittleTime: what comes of an attempt is said, also if there is no time for another
// one.
func TestNotifyWithLittleTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		client := &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
			tries++
			rec := httptest.NewRecorder()
			rec.WriteHeader(http.StatusServiceUnavailable)
			return rec.Result(), nil
		})}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if err := Notify(ctx, client, "http://example.com", nil); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "503") || tries != 1 {
			t.Errorf("%v, %d attempts", err, tries)
		}
	})
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

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
		if last, err := k.Last(t.Context()); last.Grade != "" || err != nil {
			t.Errorf("%s, at first: %v, %v", name, last, err)
		}
		for _, g := range []Grade{Warning, Healthy} {
			if err := k.Keep(t.Context(), g, now); err != nil {
				t.Fatal(err)
			}
			if last, err := k.Last(t.Context()); last.Grade != g || !last.Time.Equal(now) || err != nil {
				t.Errorf("%s: %v, %v; want %s", name, last, err, g)
			}
		}
	}
	if g, err := (StoreKeeper{st, "r", "s", "other"}).Last(t.Context()); g != (Kept{}) || err != nil {
		t.Errorf("another job: %v, %v", g, err)
	}
	for _, text := range []string{"", "{}", `{"grade":"splendid"}`, `{"grade":"unknown"}`} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if g, err := (FileKeeper{file}).Last(t.Context()); err == nil {
			t.Errorf("%q is %v", text, g)
		}
	}
}

// refusing is a store that may not be written while it is denied.
type refusing struct {
	store.Store
	denied bool
}

func (s *refusing) Put(ctx context.Context, name string, body io.Reader, size int64, c store.Condition) (store.Info, error) {
	if s.denied {
		return store.Info{}, store.ErrDenied
	}
	return s.Store.Put(ctx, name, body, size, c)
}

// TestBothKeeper: what the store refuses is in the file, the newer of the two counts, and once the
// store has taken one there is no file.
func TestBothKeeper(t *testing.T) {
	d, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	st := &refusing{Store: d}
	file := filepath.Join(t.TempDir(), "grade.json")
	k := BothKeeper{StoreKeeper{st, "r", "s", "n"}, FileKeeper{file}}
	for i, c := range []struct {
		denied bool
		grade  Grade
		file   bool // is left
	}{{false, Healthy, false}, {true, Warning, true}, {true, Healthy, true}, {false, Unhealthy, false}, {true, Warning, true}} {
		st.denied = c.denied
		if err := k.Keep(t.Context(), c.grade, now.Add(time.Duration(i)*time.Minute)); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
		last, err := k.Last(t.Context())
		if _, statErr := os.Stat(file); last.Grade != c.grade || err != nil || (statErr == nil) != c.file {
			t.Errorf("%+v: %v, %v, file: %v", c, last, err, statErr)
		}
	}
	// another machine, which may write
	st.denied = false
	if err := k.Store.Keep(t.Context(), Healthy, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if last, err := k.Last(t.Context()); last.Grade != Healthy || err != nil {
		t.Errorf("%v, %v", last, err)
	}
	st.denied = true
	if err := (BothKeeper{Store: k.Store}).Keep(t.Context(), Warning, now); !errors.Is(err, store.ErrDenied) {
		t.Errorf("without a file: %v", err)
	}
}

// TestGone: after a grade, no saves at all are the worst there is; what is known stays.
func TestGone(t *testing.T) {
	r := Judge(well(func(f *Figures) { f.Saves = nil }), Defaults())
	gone := r.Gone()
	if gone.Grade != Unhealthy || gone.Score != 0 || gone.Cap == nil || len(gone.Parts) != len(r.Parts)+1 || gone.Worst().Evidence != "no snapshot any more" ||
		len(gone.Missing) != len(r.Missing)-1 || r.Grade != Unknown {
		t.Errorf("%+v, before %+v", gone, r)
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
