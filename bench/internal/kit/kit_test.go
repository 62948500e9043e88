package kit

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		list []float64
		want float64
	}{
		{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 3, 2}, 2.5},
	} {
		if got := Median(c.list); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.list, got, c.want)
		}
	}
}

func TestProjectName(t *testing.T) {
	for mod, want := range map[string]string{
		"github.com/gohugoio/hugo@v0.147.0":           "hugo",
		"github.com/caddyserver/caddy/v2@v2.10.1":     "caddy",
		"github.com/minio/minio-go/v7":                "minio-go",
		"gopkg.in/yaml.v3@v3.0.1":                     "yaml",
		"example.com/name/v2x@v0.0.0-20260101-abcdef": "v2x",
	} {
		if got := ProjectName(mod); got != want {
			t.Errorf("%s: %s, want %s", mod, got, want)
		}
	}
}

func TestCountRequests(t *testing.T) {
	const log = `log starts 2026-11-24 02:40:00.200113075 +0000 UTC m=+0.026650366
bench bucket [24/November/2026:02:40:20 +0000] 127.0.0.1 bench D7K7 s3_HeadObject p/cache.tzst /bucket/p/cache.tzst 404 NoSuchKey 0 0 1 1 - rclone/ -
bench bucket [24/November/2026:02:40:20 +0000] 127.0.0.1 bench NJZM s3_UploadPart p/cache.tzst /bucket/p/cache.tzst?partNumber=8 200 - 0 0 10 10 - rclone/ -
bench bucket [24/November/2026:02:40:21 +0000] 127.0.0.1 bench GXIV s3_UploadPart p/cache.tzst /bucket/p/cache.tzst?partNumber=1 200 - 0 0 45 45 - rclone/ -
owner bucket [26/November/2026:02:16:46 +0000] 127.0.0.1 me id s3_PutObject p/v1/x /scale/p/v1/x?x-id=PutObject 412 PreconditionFailed 0 0 0 0 - aws
`
	got, err := countRequests(strings.NewReader(log))
	if err != nil {
		t.Fatal(err)
	}
	if k := got.Kinds; len(k) != 3 || k["HeadObject"] != 1 || k["UploadPart"] != 2 || k["PutObject"] != 1 || got.Conflicts != 1 {
		t.Errorf("requests: %+v", got)
	}
}

func TestTargets(t *testing.T) {
	list := []Target{
		{Text: "a", Limit: 2, Value: 1},
		{Text: "b", Limit: 2, Value: 3, Unit: " MB"},
		{Text: "c", Limit: 2, Value: 3, Least: true},
		{Text: "d", Limit: 2, Value: 1, Least: true},
		{Text: "e", Limit: 2, Unmeasured: true, Least: true},
	}
	if got := strings.Join(Missed(list, "%.1f"), "; "); got != "b: 3.0 MB, limit 2.0 MB; d: 1.0, limit 2.0" {
		t.Errorf("missed: %s", got)
	}
	const want = `| a | ≤ 2 | 1.0 | met |
| b | ≤ 2 MB | 3.0 MB | **missed** |
| c | ≥ 2 | 3.0 | met |
| d | ≥ 2 | 1.0 | **missed** |
| e | ≥ 2 | – | not measured |
`
	if got := TargetRows(list, "%.0f", "%.1f"); got != want {
		t.Errorf("rows:\n%s", got)
	}
}

type figures struct{ Value int }

// TestBenchmark: measurements are kept, even if something failed, and can be reported again from
// the file; a missed target is an error only with -check.
func TestBenchmark(t *testing.T) {
	dir := t.TempDir()
	var failed error
	b := Benchmark[figures]{
		Prefix:  "x-",
		Measure: func(context.Context) (*figures, error) { return &figures{7}, failed },
		Started: func(*figures) time.Time { return time.Unix(0, 0).UTC() },
		Render:  func(r *figures) (string, error) { return Render("value {{.Value}}", nil, r) },
		Beside: func(r *figures) (map[string][]byte, error) {
			return map[string][]byte{"beside": fmt.Appendf(nil, "%d", r.Value)}, nil
		},
		Missed: func(r *figures) []string { return []string{"all"} },
	}
	run := func(args ...string) error {
		var o Output
		f := flag.NewFlagSet("x", flag.ContinueOnError)
		o.Flags(f, "docs/x.md")
		if err := f.Parse(append([]string{"-results", dir, "-doc", filepath.Join(dir, "page")}, args...)); err != nil {
			t.Fatal(err)
		}
		return b.Run(t.Context(), o)
	}
	raw := filepath.Join(dir, "x-19700101-000000.json")
	if err := run(); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{"page": "value 7", "beside": "7"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if err := run("-check"); err == nil || !strings.Contains(err.Error(), "1 targets missed: all") {
		t.Error(err)
	}
	os.Remove(raw)
	failed = errors.New("halfway")
	if err := run(); !errors.Is(err, failed) {
		t.Error(err)
	}
	b.Measure = nil
	if err := run("-from", raw); err != nil {
		t.Errorf("from what was kept: %v", err)
	}
}

// TestMeasure: the time, the memory and the exit code of a command are known, even if it fails.
func TestMeasure(t *testing.T) {
	if _, err := os.Stat("/usr/bin/time"); err != nil {
		t.Skip("GNU time is missing")
	}
	o, err := Command{Argv: []string{"sh", "-c", "sleep 0.2; echo out; echo err >&2; exit 3"}, Temp: t.TempDir()}.Measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if o.Wall < 0.2 || o.MaxRSS < 100<<10 || o.SumRSS < o.MaxRSS || o.Exit != 3 || string(o.Output) != "out\n" || string(o.Errors) != "err\n" {
		t.Errorf("%+v", o)
	}
	if err := o.Failure("sh"); err == nil || !strings.Contains(err.Error(), "exit code 3\nerr\nout") {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := (Command{Argv: []string{"sleep", "1"}, Temp: t.TempDir()}).Measure(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestTreeSize(t *testing.T) {
	d := Dir(t.TempDir())
	if err := errors.Join(d.Make("a/b", "c"), os.WriteFile(d.Path("a", "b", "x"), make([]byte, 10), 0o644), os.WriteFile(d.Path("y"), make([]byte, 5), 0o644)); err != nil {
		t.Fatal(err)
	}
	if files, bytes, err := TreeSize(string(d)); files != 2 || bytes != 15 || err != nil {
		t.Errorf("%d files, %d bytes, %v", files, bytes, err)
	}
}
