package metrics_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/org/gocache-action/internal/metrics"
)

// deploy is what people install.
const deploy = "../../deploy/monitoring"

func readDeployed(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(deploy, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// dashboard is what the test looks at of a dashboard of Grafana.
type dashboard struct {
	UID, Title string
	Panels     []panel
	Templating struct {
		List []struct{ Name, Type, Definition string }
	}
}

type panel struct {
	ID         int
	Type       string
	Title      string
	Datasource struct{ Type, UID string }
	GridPos    struct{ H, W, X, Y int }
	Targets    []struct {
		RefID      string
		Expr       string
		Datasource struct{ UID string }
	}
	Panels []panel
}

// ruleFile is what the test looks at of rules.
type ruleFile struct {
	Groups []struct {
		Name  string
		Rules []struct {
			Record, Alert, Expr string
			Labels, Annotations map[string]string
		}
	}
}

func readRules(t *testing.T) (f ruleFile) {
	t.Helper()
	if err := yaml.Unmarshal(readDeployed(t, "rules.yaml"), &f); err != nil {
		t.Fatal(err)
	}
	return f
}

var (
	metricName = regexp.MustCompile(`\bgocache[a-z0-9_:]*`)
	matcher    = regexp.MustCompile(`(gocache[a-z0-9_:]*)\{([^}]*)\}`)
	labelName  = regexp.MustCompile(`([a-z_]+) *(?:=~|!~|!=|=)`)
)

// known are the labels of all series, by name: those that are defined, with the series of
// histograms, and those that rules record.
func known(t *testing.T) map[string]map[string]bool {
	t.Helper()
	names := map[string]map[string]bool{"gocache:hit_ratio:6h": {"repo": true, "name": true}}
	for _, s := range sets {
		for _, m := range s.Metrics {
			labels := map[string]bool{"instance": true, "job": true}
			for _, l := range m.Labels {
				labels[l] = true
			}
			if m.Type != metrics.Histogram {
				names[m.Name] = labels
				continue
			}
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				names[m.Name+suffix] = labels
			}
		}
	}
	return names
}

// unknown lists what an expression asks for that does not exist.
func unknown(names map[string]map[string]bool, expr string) (list []string) {
	for _, name := range metricName.FindAllString(expr, -1) {
		if names[name] == nil {
			list = append(list, name)
		}
	}
	for _, m := range matcher.FindAllStringSubmatch(expr, -1) {
		for _, l := range labelName.FindAllStringSubmatch(m[2], -1) {
			if names[m[1]] != nil && !names[m[1]][l[1]] {
				list = append(list, m[1]+" with the label "+l[1])
			}
		}
	}
	return list
}

// TestUnknown: the tests below find what does not exist.
func TestUnknown(t *testing.T) {
	for expr, want := range map[string]int{
		`sum(rate(gocache_runs_total{op="save", result=~"a|b"}[5m]))`: 0, `gocache_proxy_upstream_seconds_bucket{le="1"}`: 1, `gocache_proxy_upstream_seconds`: 1,
		`gocache_runs{op="save"} / gocache_hit_ratio`: 1, `gocache_runs_total{operation="save"}`: 1, `gocache:hit_ratio:6h > 1`: 0, `gocache:hit_ratio:5h`: 1,
	} {
		if got := unknown(known(t), expr); len(got) != want {
			t.Errorf("%s: %q", expr, got)
		}
	}
}

// TestDashboard: Grafana can load it into any instance, and every panel asks for what exists.
func TestDashboard(t *testing.T) {
	var d dashboard
	if err := json.Unmarshal(readDeployed(t, "dashboard.json"), &d); err != nil {
		t.Fatal(err)
	}
	names, ids, asked := known(t), map[int]bool{}, map[string]bool{}
	for _, p := range d.Panels {
		if p.ID == 0 || ids[p.ID] {
			t.Errorf("panel %q has the ID %d, of which there is another", p.Title, p.ID)
		}
		ids[p.ID] = true
		if p.GridPos.X+p.GridPos.W > 24 || p.GridPos.W == 0 || p.GridPos.H == 0 || p.Title == "" || len(p.Panels) > 0 {
			t.Errorf("panel %q lies at %+v", p.Title, p.GridPos)
		}
		if p.Type == "row" {
			continue
		}
		if p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
			t.Errorf("panel %q has the data source %+v and %d targets", p.Title, p.Datasource, len(p.Targets))
		}
		refs := map[string]bool{}
		for _, target := range p.Targets {
			if refs[target.RefID] || target.RefID == "" || target.Datasource.UID != "${datasource}" {
				t.Errorf("panel %q: target %+v", p.Title, target)
			}
			refs[target.RefID] = true
			for _, what := range unknown(names, target.Expr) {
				t.Errorf("panel %q: there is no %s", p.Title, what)
			}
			for _, name := range metricName.FindAllString(target.Expr, -1) {
				asked[name] = true
			}
		}
	}
	var variables []string
	for _, v := range d.Templating.List {
		variables = append(variables, v.Type+" "+v.Name)
		for _, what := range unknown(names, v.Definition) {
			t.Errorf("variable %s: there is no %s", v.Name, what)
		}
	}
	if got := strings.Join(variables, ", "); got != "datasource datasource, query repo, query name" || d.UID == "" || d.Title == "" || len(asked) < 30 {
		t.Errorf("variables %s; %d metrics", got, len(asked))
	}
}

// TestRules: every rule asks for what exists, and says to people what is wrong. What a rule records
// is asked for in its own group only, and after it: groups are evaluated in no order.
func TestRules(t *testing.T) {
	names, seen := known(t), map[string]bool{}
	for _, g := range readRules(t).Groups {
		recorded := map[string]bool{}
		for _, r := range g.Rules {
			for _, name := range metricName.FindAllString(r.Expr, -1) {
				if strings.Contains(name, ":") && !recorded[name] {
					t.Errorf("%s%s asks for %s, which its group does not record before it", r.Alert, r.Record, name)
				}
			}
			for _, what := range unknown(names, r.Expr) {
				t.Errorf("%s%s: there is no %s", r.Alert, r.Record, what)
			}
			if r.Record != "" {
				seen[r.Record], recorded[r.Record] = true, true
				continue
			}
			if seen[r.Alert] || r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("%s: %+v", r.Alert, r)
			}
			seen[r.Alert] = true
			if !strings.Contains(string(readDeployed(t, "rules_test.yaml")), "alertname: "+r.Alert) {
				t.Errorf("%s has no test in rules_test.yaml", r.Alert)
			}
		}
	}
	if !seen["gocache:hit_ratio:6h"] || len(seen) < 10 {
		t.Errorf("%v", seen)
	}
}

// TestPromtool: Prometheus takes the rules and their tests pass, and it takes the expressions of
// the dashboard.
func TestPromtool(t *testing.T) {
	tool, err := exec.LookPath("promtool")
	if err != nil && os.Getenv("CI") != "" {
		t.Fatal("promtool is in no directory of PATH; it is in Debian's package prometheus")
	} else if err != nil {
		t.Skip("promtool is in no directory of PATH")
	}
	file := filepath.Join(t.TempDir(), "dashboard.yaml")
	if err := os.WriteFile(file, expressions(t), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"check", "rules", "rules.yaml", file}, {"test", "rules", "rules_test.yaml"}} {
		t.Run(args[0], func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), tool, args...)
			cmd.Dir = deploy
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
			}
		})
	}
}

// expressions makes rules of the expressions of the dashboard, with values for what Grafana puts
// in.
func expressions(t *testing.T) []byte {
	t.Helper()
	var d dashboard
	if err := json.Unmarshal(readDeployed(t, "dashboard.json"), &d); err != nil {
		t.Fatal(err)
	}
	type rule struct{ Record, Expr string }
	var rules []rule
	values := strings.NewReplacer("$__rate_interval", "5m", "$__range", "7d")
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			rules = append(rules, rule{fmt.Sprintf("panel:%d:%s", p.ID, target.RefID), values.Replace(target.Expr)})
		}
	}
	data, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": rules}}})
	if err != nil {
		t.Fatal(err)
	}
	return data
}
