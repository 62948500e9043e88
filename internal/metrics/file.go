package metrics

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/org/gocache-action/internal/osfile"
)

// Limits of what is read back, in bytes: a file of this program, and the page of a push gateway,
// which has what all others have pushed as well.
const (
	maxFile = 16 << 20
	maxPage = 64 << 20
)

// ErrForeign: the file has something that this program does not write.
var ErrForeign = errors.New("not a metrics file of gocache")

// WriteFile adds a run to a file for the textfile collector, which several jobs of a machine share:
// counters go on from what the file says. The file is replaced by a rename and can be read by all
// users. A lock beside it, FILE.lock, keeps the jobs apart.
func WriteFile(ctx context.Context, path string, r Run) error {
	run, err := gather(r.Samples())
	if err != nil {
		return err
	}
	// A collector reads a directory that is there: one that is made here is a typing error.
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		return fmt.Errorf("metrics file %s: its directory: %w", path, err)
	}
	lock := flock.New(path+".lock", flock.SetPermissions(0o666))
	if _, err := lock.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return fmt.Errorf("metrics file: lock: %w", err)
	}
	defer lock.Unlock()
	before, err := readFile(path)
	if err != nil {
		return fmt.Errorf("metrics file: %w", err)
	}
	data, err := encode(merge(before, run, r.Ended))
	if err != nil {
		return fmt.Errorf("metrics file %s: %w", path, err)
	}
	if err := osfile.ReplaceMode(path, data, 0o755, 0o644); err != nil {
		return fmt.Errorf("metrics file: %w", err)
	}
	return nil
}

// gather turns samples into what is encoded and pushed.
func gather(list Samples) ([]*dto.MetricFamily, error) {
	reg := prometheus.NewPedanticRegistry()
	if err := reg.Register(list); err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	families, err := reg.Gather()
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return families, nil
}

// readFile reads what earlier runs have written; no file is none.
func readFile(path string) ([]*dto.MetricFamily, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	families, err := parse(f, maxFile)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, ErrForeign, err)
	}
	for _, m := range families {
		if !strings.HasPrefix(m.GetName(), "gocache_") {
			return nil, fmt.Errorf("%s: %w: it has %s", path, ErrForeign, m.GetName())
		}
	}
	return families, nil
}

// parse reads the text format, sorted by name.
func parse(r io.Reader, limit int64) ([]*dto.MetricFamily, error) {
	limited := &io.LimitedReader{R: r, N: limit}
	p := expfmt.NewTextParser(model.UTF8Validation)
	families, err := p.TextToMetricFamilies(limited)
	if limited.N == 0 {
		return nil, fmt.Errorf("more than %d bytes", limit)
	}
	if err != nil {
		return nil, err
	}
	var list []*dto.MetricFamily
	for _, name := range sorted(families) {
		list = append(list, families[name])
	}
	return list, nil
}

func encode(families []*dto.MetricFamily) ([]byte, error) {
	var b bytes.Buffer
	for _, f := range families {
		slices.SortFunc(f.Metric, func(x, y *dto.Metric) int { return strings.Compare(labelsOf(x), labelsOf(y)) })
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}
