// Command actionscache compares gocache, with the cache service of GitHub Actions as its store,
// with the client of GitHub, @actions/cache, which stores both caches as one archive. Both talk to
// the service of the tests, in memory, on this machine.
//
//	go run ./bench/actionscache
//	go run ./bench/actionscache -n 3 -module github.com/gohugoio/hugo@v0.147.0 -edit common/paths/path.go
//
// Per round and tool, starting from an empty service: the caches of a job are saved, restored into
// empty directories, a file of the project is edited, the job runs again, and is saved. It needs
// Linux, Go, Node.js with npm, GNU tar, zstd, GNU time and the Go module proxy, and must run alone.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/org/gocache-action/bench/internal/kit"
)

func main() { kit.Main("actionscache", execute) }

type options struct {
	module, edit, job string
	rounds            int
}

func execute(ctx context.Context, args []string) error {
	var o options
	f := flag.NewFlagSet("actionscache", flag.ContinueOnError)
	f.StringVar(&o.module, "module", "github.com/caddyserver/caddy/v2@v2.10.1", "`path@version` of the project")
	f.StringVar(&o.edit, "edit", "modules/caddyhttp/server.go", "`file` of the project that changes")
	f.StringVar(&o.job, "job", "go build ./... && go vet ./...", "`command` of the job")
	f.IntVar(&o.rounds, "n", 1, "measured `rounds` of each tool")
	if err := f.Parse(args); err != nil {
		return err
	}
	if err := kit.NoArguments(f); err != nil {
		return err
	}
	if o.rounds < 1 {
		return fmt.Errorf("-n is at least 1")
	}
	work, err := os.MkdirTemp("", "actionscache-")
	if err != nil {
		return err
	}
	defer kit.Do(context.WithoutCancel(ctx), "sh", "-c", `chmod -R u+w "$0"; rm -rf "$0"`, work) // trees are read-only
	l := &lab{Dir: kit.Dir(work), options: o}
	if err := l.prepare(ctx); err != nil {
		return err
	}
	results := map[string][]round{}
	for n := range o.rounds {
		for _, t := range []tool{l.gocache(), l.client()} {
			r, err := l.round(ctx, t)
			if err != nil {
				return fmt.Errorf("%s, round %d: %w", t.name, n+1, err)
			}
			results[t.name] = append(results[t.name], r)
		}
	}
	fmt.Print(l.head(ctx), table(results))
	return nil
}

// head says what was measured.
func (l *lab) head(ctx context.Context) string {
	m := kit.DescribeMachine(ctx)
	return fmt.Sprintf("%s, `%s`: %.0f MB in GOMODCACHE and GOCACHE. %d cores, %s, commit %s, median of %d rounds.\n\n",
		l.module, l.job, float64(l.bytes)/1e6, m.Cores, m.Go, m.Commit, l.rounds)
}

// figures of a step, as columns.
var figures = []struct {
	name string
	of   func(step) float64
	form string
}{
	{"wall s", func(s step) float64 { return s.Wall }, "%.2f"},
	{"CPU s", func(s step) float64 { return s.CPU() }, "%.2f"},
	{"memory MB", func(s step) float64 { return float64(s.SumRSS) / 1e6 }, "%.0f"},
	{"stored MB", func(s step) float64 { return float64(s.stored) / 1e6 }, "%.2f"},
	{"requests", func(s step) float64 { return float64(s.requests) }, "%.0f"},
}

// table is one of Markdown: a row for each step and tool, with medians over the rounds.
func table(results map[string][]round) string {
	var b strings.Builder
	b.WriteString("| step | tool |")
	for _, f := range figures {
		b.WriteString(" " + f.name + " |")
	}
	b.WriteString(" by kind, last round |\n|---|---|" + strings.Repeat("---|", len(figures)+1) + "\n")
	for i, name := range steps {
		for _, t := range []string{gocacheName, clientName} {
			var list []step
			for _, r := range results[t] {
				list = append(list, r[i])
			}
			if len(list) == 0 {
				continue
			}
			fmt.Fprintf(&b, "| %s | %s |", name, t)
			for _, f := range figures {
				fmt.Fprintf(&b, " "+f.form+" |", kit.Median(kit.Values(list, f.of)))
			}
			fmt.Fprintf(&b, " %s |\n", list[len(list)-1].kinds)
		}
	}
	return b.String()
}
