package metrics

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"google.golang.org/protobuf/proto"
)

// A gateway is a push gateway as far as this program uses it: POST replaces the metrics of a group
// that have the same name, and the page has them with the labels of the group. The real one behaves
// the same, see docs/monitoring.md.
type gateway struct {
	mu     sync.Mutex
	groups map[string]map[string]*dto.MetricFamily // by path, then by name
	page   int                                     // status of the page; 0: 200
	refuse int                                     // status of a POST; 0: 200
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.URL.Path == "/metrics" && r.Method == http.MethodGet {
		if g.page != 0 {
			http.Error(w, "no", g.page)
			return
		}
		g.write(w)
		return
	}
	if g.refuse != 0 {
		http.Error(w, "no such user", g.refuse)
		return
	}
	path := groupPath(r.URL.Path)
	group := g.groups[path]
	if group == nil {
		group = map[string]*dto.MetricFamily{}
		g.groups[path] = group
	}
	dec := expfmt.NewDecoder(r.Body, expfmt.ResponseFormat(r.Header))
	for {
		f := new(dto.MetricFamily)
		if err := dec.Decode(f); err == io.EOF {
			break
		} else if err != nil || r.Method != http.MethodPost {
			http.Error(w, "bad", http.StatusBadRequest)
			return
		}
		for _, m := range f.Metric {
			if m.TimestampMs != nil {
				http.Error(w, "pushed metrics must not have timestamps", http.StatusBadRequest)
				return
			}
		}
		group[f.GetName()] = f
	}
}

// write shows all groups; the tests have none with characters that are encoded in the path but the
// slash.
func (g *gateway) write(w io.Writer) {
	all := map[string]*dto.MetricFamily{}
	for path, group := range g.groups {
		for name, f := range group {
			f = proto.Clone(f).(*dto.MetricFamily)
			for _, m := range f.Metric {
				m.Label = append(m.Label, groupLabels(path)...)
			}
			if all[name] != nil {
				f.Metric = append(all[name].Metric, f.Metric...)
			}
			all[name] = f
		}
	}
	for _, name := range sorted(all) {
		expfmt.MetricFamilyToText(w, all[name])
	}
	io.WriteString(w, "# TYPE push_time_seconds gauge\npush_time_seconds{job=\"gocache\"} 1\n")
}

// groupPath has the labels of a group in one order.
func groupPath(path string) string {
	elems := strings.Split(strings.TrimPrefix(path, "/metrics/"), "/")
	var pairs []string
	for pair := range slices.Chunk(elems, 2) {
		pairs = append(pairs, strings.Join(pair, "/"))
	}
	slices.Sort(pairs)
	return "/metrics/" + strings.Join(pairs, "/")
}

func groupLabels(path string) (list []*dto.LabelPair) {
	elems := strings.Split(strings.TrimPrefix(path, "/metrics/"), "/")
	for i := 0; i+1 < len(elems); i += 2 {
		value := elems[i+1]
		if v, ok := map[string]string{"Z2l0aHViLmNvbS9vcmcvcmVwbw": "github.com/org/repo", "Y2kvdGVzdA": "ci/test"}[strings.TrimRight(value, "=")]; ok {
			value = v
		}
		list = append(list, &dto.LabelPair{Name: proto.String(strings.TrimSuffix(elems[i], "@base64")), Value: proto.String(value)})
	}
	return append(list, &dto.LabelPair{Name: proto.String("instance"), Value: proto.String("")})
}

func newGateway(t *testing.T) (*gateway, string) {
	g := &gateway{groups: map[string]map[string]*dto.MetricFamily{}}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	return g, server.URL + "/"
}

// TestPush: counters go on where the last run of the job left them, whichever machine it was on;
// other jobs are apart.
func TestPush(t *testing.T) {
	g, url := newGateway(t)
	other := restored()
	other.Name = "other"
	for _, r := range []Run{restored(), other, saved(), restored()} {
		if err := Push(t.Context(), http.DefaultClient, url, r); err != nil {
			t.Fatal(err)
		}
	}
	if len(g.groups) != 2 {
		t.Fatalf("%d groups", len(g.groups))
	}
	for path, group := range g.groups {
		want := map[string]float64{"gocache_runs_total{op=restore,result=exact}": 1}
		if !strings.Contains(path, "other") {
			want = map[string]float64{
				"gocache_runs_total{op=restore,result=exact}": 2, "gocache_runs_total{op=save,result=saved}": 1, "gocache_hit_ratio{}": 0.75,
				"gocache_transferred_bytes_total{kind=pack,op=restore}": 200,
			}
		}
		var list []*dto.MetricFamily
		for _, f := range group {
			list = append(list, f)
			for _, m := range f.Metric {
				for _, l := range m.Label {
					if l.GetName() == "repo" || l.GetName() == "name" || l.GetName() == "job" || l.GetName() == "instance" {
						t.Fatalf("%s of %s has a label of its group: %v", f.GetName(), path, m)
					}
				}
			}
		}
		has(t, values(list), want)
	}
}

// TestPushFailures: a gateway that may only be written begins anew, and says so; no error has the
// password in the URL.
func TestPushFailures(t *testing.T) {
	g, url := newGateway(t)
	url = strings.Replace(url, "http://", "http://user:sesame@", 1)
	g.page = http.StatusForbidden
	for range 2 {
		if err := Push(t.Context(), http.DefaultClient, url, restored()); err == nil || !strings.Contains(err.Error(), "counters begin anew: 403") || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%v", err)
		}
	}
	for _, group := range g.groups {
		if v := values([]*dto.MetricFamily{group["gocache_runs_total"]}); v["gocache_runs_total{op=restore,result=exact}"] != 1 {
			t.Errorf("%v", v)
		}
	}
	g.page, g.refuse = 0, http.StatusUnauthorized
	if err := Push(t.Context(), http.DefaultClient, url, restored()); err == nil || !strings.Contains(err.Error(), "401") || strings.Contains(err.Error(), "sesame") {
		t.Errorf("%v", err)
	}
	late, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	if err := Push(late, http.DefaultClient, url, restored()); err == nil || !strings.Contains(err.Error(), "push gateway: it did not answer in time") {
		t.Errorf("%v", err)
	}
	if err := Push(t.Context(), http.DefaultClient, "http://u:sesame@127.0.0.1:1", restored()); err == nil || strings.Contains(err.Error(), "sesame") {
		t.Errorf("%v", err)
	}
}
