package rebuild

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/mod/module"
)

// waitsEvery is how often a download says what it waits for.
const waitsEvery = 30 * time.Second

// download fills the module cache. The module files must not change by it. If it is ended, the
// error names what did not arrive.
func (r *rebuilding) download(ctx context.Context) error {
	done := make(chan struct{})
	told := make(chan struct{})
	go func() {
		defer close(told)
		waiting{r}.tell(done)
	}()
	_, err := r.command(ctx, r.Files, goEnv(r.GOFLAGS), "mod", "download")
	close(done)
	<-told
	if missing := (waiting{r}).missing(); err != nil && ctx.Err() != nil && missing != "" {
		err = fmt.Errorf("%w; not here yet: %s", err, missing)
	}
	return err
}

// waiting says what a download waits for.
type waiting struct{ *rebuilding }

// tell calls Waits until done is closed.
func (r waiting) tell(done <-chan struct{}) {
	if r.Waits == nil {
		return
	}
	begin := time.Now()
	for tick := time.NewTicker(waitsEvery); ; {
		select {
		case <-done:
			tick.Stop()
			return
		case <-tick.C:
			if missing := r.missing(); missing != "" {
				r.Waits(fmt.Sprintf("for %s already; not here yet: %s", time.Since(begin).Round(time.Second), missing))
			}
		}
	}
}

// maxAwaited bounds how many modules are named.
const maxAwaited = 3

// missing names the modules of go.sum whose trees were set aside, and that are not here yet; "" if
// there are none.
func (r waiting) missing() string {
	var list []string
	for _, v := range versions(r.Options) {
		if r.lacks(v) {
			list = append(list, v.String())
		}
	}
	if more := len(list) - maxAwaited; more > 0 {
		list = append(list[:maxAwaited], fmt.Sprintf("%d more", more))
	}
	return strings.Join(list, ", ")
}

// lacks reports whether a tree was set aside, and has not been extracted again.
func (r waiting) lacks(v module.Version) bool {
	units := unitsOf(v)
	if units == nil {
		return false
	}
	_, before := os.Lstat(r.modules.aside(oldDir, units[0]))
	_, now := os.Lstat(r.modules.path(units[0]))
	return before == nil && now != nil
}
