// Package kit is what the benchmarks share: how they start and end, keep their raw figures, and
// make a page of them.
package kit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/template"
	"time"
)

// Main runs a benchmark until it ends or is interrupted, and exits with 1 after an error.
func Main(name string, run func(ctx context.Context, args []string) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, name+":", err)
		os.Exit(1)
	}
}

// Publish prints the page and writes it to doc, if that is not empty. With check, missed targets
// are an error.
func Publish(page, doc string, check bool, missed []string) error {
	fmt.Println(page)
	if doc != "" {
		if err := os.WriteFile(doc, []byte(page), 0o644); err != nil {
			return err
		}
	}
	if check && len(missed) > 0 {
		return fmt.Errorf("%d targets missed: %s", len(missed), strings.Join(missed, "; "))
	}
	return nil
}

// Render makes the page of a template. "join" is among its functions.
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

// Keep writes the raw figures of a run into dir, which it makes, and tells where. err is what ended
// the run early, if anything did: what was measured before is kept too, and err returned.
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

// FirstLine returns the first line that a command prints, or why there is none.
func FirstLine(ctx context.Context, name string, args ...string) string {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return fmt.Sprintf("unknown (%v)", err)
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line
}

// Median returns the middle of the values, the mean of both in the middle for an even
// number, and 0 for none.
func Median(list []float64) float64 {
	n := len(list)
	if n == 0 {
		return 0
	}
	list = slices.Sorted(slices.Values(list))
	return (list[(n-1)/2] + list[n/2]) / 2
}
