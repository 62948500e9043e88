package kit

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"
)

// Output says where the figures and the page of a benchmark go.
type Output struct {
	Results string // directory for the raw figures
	Doc     string // file for the page; may be empty
	From    string // raw figures to report instead of measuring; may be empty
	Check   bool   // fail if a target is missed
}

// Flags defines the flags of an output, which all benchmarks have. doc is the page that the project
// publishes.
func (o *Output) Flags(f *flag.FlagSet, doc string) {
	f.StringVar(&o.Results, "results", "bench/results", "`directory` for the raw figures")
	f.StringVar(&o.Doc, "doc", "", "`file` to write the report to, in Markdown ("+doc+"), with its charts beside it")
	f.StringVar(&o.From, "from", "", "measure nothing: report the raw figures in `file`")
	f.BoolVar(&o.Check, "check", false, "fail when a target is missed that was measured")
}

// NoArguments returns an error if the flags are followed by anything.
func NoArguments(f *flag.FlagSet) error {
	if f.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	return nil
}

// Benchmark is what one of the programs does with its figures, R.
type Benchmark[R any] struct {
	Prefix string // of the names of files with raw figures
	// Measure may return figures with an error, and they are then kept; nil if there are none.
	Measure func(context.Context) (*R, error)
	Load    func(from string) (*R, error) // default: the function Load
	Started func(*R) time.Time
	Render  func(*R) (string, error)
	// Beside returns files that belong to the page, by their names, such as charts; nil if there
	// are none. They are written with the page, into its directory.
	Beside func(*R) (map[string][]byte, error)
	Missed func(*R) []string // targets
}

// Run measures, or loads the figures of an earlier run, and reports.
func (b Benchmark[R]) Run(ctx context.Context, o Output) error {
	res, err := b.obtain(ctx, o)
	if err != nil {
		return err
	}
	page, err := b.Render(res)
	if err != nil {
		return err
	}
	files := map[string][]byte{}
	if b.Beside != nil {
		if files, err = b.Beside(res); err != nil {
			return err
		}
	}
	return publish(page, files, o, b.Missed(res))
}

func (b Benchmark[R]) obtain(ctx context.Context, o Output) (*R, error) {
	if o.From != "" {
		if b.Load != nil {
			return b.Load(o.From)
		}
		return Load[R](o.From)
	}
	res, err := b.Measure(ctx)
	if res == nil {
		return nil, err
	}
	return res, Keep(o.Results, b.Prefix, b.Started(res), res, err)
}

// publish prints the page, and writes it to the file of the output, with the files beside it.
func publish(page string, files map[string][]byte, o Output, missed []string) error {
	fmt.Println(page)
	if o.Doc != "" {
		err := errors.Join(os.WriteFile(o.Doc, []byte(WrapPage(page)), 0o644), WriteAll(filepath.Dir(o.Doc), files))
		if err != nil {
			return err
		}
	}
	if o.Check && len(missed) > 0 {
		return fmt.Errorf("%d targets missed: %s", len(missed), strings.Join(missed, "; "))
	}
	return nil
}

// WriteAll writes files into a directory, by their names.
func WriteAll(dir string, files map[string][]byte) error {
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Render executes a template. "join" is one of its functions.
func Render(text string, funcs template.FuncMap, data any) (string, error) {
	t, err := template.New("report").Funcs(template.FuncMap{"join": strings.Join}).Funcs(funcs).Parse(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.Execute(&b, data)
	return b.String(), err
}

// Load reads raw figures.
func Load[T any](file string) (*T, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := new(T)
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

// Keep writes the raw figures of a run into dir, which it makes if necessary, and logs where. If
// the run ended early, err is the reason: what was measured before is kept all the same, and Keep
// returns err.
func Keep(dir, prefix string, started time.Time, figures any, err error) error {
	file := filepath.Join(dir, prefix+started.Format("20060102-150405")+".json")
	data, saveErr := json.MarshalIndent(figures, "", "  ")
	if saveErr == nil {
		saveErr = errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(file, data, 0o644))
	}
	if saveErr != nil {
		return errors.Join(err, saveErr)
	}
	fmt.Fprintln(os.Stderr, "raw figures:", file)
	return err
}
