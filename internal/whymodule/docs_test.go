package whymodule

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the examples of docs/doctor-module.md")

const page = "../../docs/doctor-module.md"

// examples are what the page shows: facts as the tests of real proxies and repositories find them.
var examples = map[string]func(*Facts){
	"old": func(f *Facts) {
		f.Project.Selected, f.Sums["v1.1.0"] = "v1.0.0", Sum{Hash: "h1:7bqzF0Z1K2sDkV5c8g0wRj4nEo2mXyQ3tUa9PiLhBvM="}
		f.Project.Demands = []Demand{{"v1.0.0", []string{"example.com/app"}}, {"v0.9.0", []string{"example.com/app", "corp.example/log@v1.3.0"}}}
		f.Project.Why = []string{"example.com/app/server", "corp.example/log", lib}
		f.Project.Sums = nil
	},
	"replaced": func(f *Facts) {
		lags(f)
		f.Proxies[0].List.Versions = f.Repository.Versions
		f.Project.Replaces = []Directive{{File: "/app/go.mod", Line: 9, By: "corp.example/fork v1.1.1"}}
	},
	"gocache": func(f *Facts) {
		lags(f)
		f.Proxies[0].Gocache = true
		f.Proxies[0].List.Age, f.Proxies[0].List.MaxAge = 40*time.Second, time.Minute
		f.Proxies[0].Goal = Reply{Status: 404, Error: "not found", Took: 3 * time.Millisecond, Age: -1}
	},
	"list": func(f *Facts) {
		lags(f)
		f.Proxies[0].List.Age = 12 * time.Minute
		f.Proxies[0].Goal = Reply{Status: 200, Version: "v1.2.0", Took: 180 * time.Millisecond, Age: -1}
	},
	"wait": func(f *Facts) {
		lags(f)
		f.Proxies[0].Name = "https://proxy.golang.org"
		f.Proxies[0].Goal = Reply{Status: 404, Error: "not found: corp.example/lib@v1.2.0: invalid version: unknown revision v1.2.0", Took: 80 * time.Millisecond, Age: -1}
		f.Sums["v1.2.0"] = Sum{Unknown: true}
	},
	"private": func(f *Facts) {
		f.Proxies[0].Name = "https://proxy.golang.org"
		f.Proxies[0].List = Reply{Status: 404, Error: "not found: module corp.example/lib: git ls-remote -q origin: terminal prompts disabled", Took: 210 * time.Millisecond, Age: -1}
		f.Sums = map[string]Sum{"v1.1.0": {Unknown: true}}
		f.Project.Sums, f.Cached = nil, nil
	},
	"tags": func(f *Facts) {
		f.Repository.Tags = append(f.Repository.Tags, Tag{"v1.2", "c2"})
	},
	"moved": func(f *Facts) {
		f.Query = "v1.1.0"
		f.Proxies[0].Query = Reply{Status: 200, Version: "v1.1.0", Took: 30 * time.Millisecond, Age: -1}
		f.Repository.Query, f.Repository.Tags[1].Commit = "v1.1.0", "c9"
		f.Repository.Hashes = map[string]string{"v1.1.0": "h1:Zt5Xo1u8YkQe6s0hWc3RfVb7NiLdGp2mAj4EyKqTxUw="}
		const hash = "h1:7bqzF0Z1K2sDkV5c8g0wRj4nEo2mXyQ3tUa9PiLhBvM="
		f.Sums["v1.1.0"], f.Project.Sums["v1.1.0"], f.Cached[0].Hash = Sum{Hash: hash}, hash, hash
	},
}

var block = regexp.MustCompile("(?s)<!-- example: ([a-z]+) -->\n(?:\n```text\n.*?```\n)?")

// TestDocs: the examples of the page are what the command prints.
func TestDocs(t *testing.T) {
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	want := block.ReplaceAllStringFunc(string(data), func(text string) string {
		name := block.FindStringSubmatch(text)[1]
		if examples[name] == nil {
			t.Errorf("no example %s", name)
			return text
		}
		seen++
		return "<!-- example: " + name + " -->\n\n```text\n" + example(t, examples[name]) + "```\n"
	})
	if seen != len(examples) {
		t.Errorf("%d examples are on the page, want %d", seen, len(examples))
	}
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(data) {
		t.Error("the examples of the page are out of date: go test ./internal/whymodule -run Docs -update")
	}
}

// example prints an answer.
func example(t *testing.T, change func(*Facts)) string {
	t.Helper()
	f := well()
	f.Now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	f.Settings.GOPROXY = "https://goproxy.example.com,direct"
	f.Proxies[0].Name, f.Proxies[0].List.Took = "https://goproxy.example.com", 8*time.Millisecond
	f.Project.Demands = []Demand{{"v1.1.0", []string{"example.com/app"}}}
	f.Cached[0].Fetched = f.Now.Add(-5 * time.Hour)
	f.Sums, f.Cached[0].Hash = map[string]Sum{}, ""
	f.Project.Sums = map[string]string{}
	change(f)
	f.Settings.GOPROXY = f.Proxies[0].Name + ",direct"
	findings, advice := Judge(f)
	var b strings.Builder
	a := Answer{Target: f.Target, Status: findings.Worst(), Facts: f, Findings: findings, Remedy: advice}
	if err := a.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
