// Package kit is what the benchmarks share: how they start and end, keep their raw figures, and make a page of them.
package kit

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/template"
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

// Publish prints the page and writes it to doc, if that is not empty. With check, missed targets are an error.
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

// Save writes raw figures, and makes the directory for them.
func Save(file string, figures any) error {
	data, err := json.MarshalIndent(figures, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o644)
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
