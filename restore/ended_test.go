package restore

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store"
)

// TestOutOfTime: what did not arrive in time is not damaged, whatever the caller calls the end of
// the time, so that the save of the same job relies on it.
func TestOutOfTime(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"/packs/", "modules/"} {
		w := full(t)
		own := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 2*time.Second, own)
		defer cancel()
		opened := false
		w.store.OnOpen = func(name string, body []byte) ([]byte, error) {
			if strings.Contains(name, kind) {
				opened = true
				<-ctx.Done() // the bytes wait for memory when the time is over
			}
			return body, nil
		}
		o := w.options()
		o.Concurrency = 1
		if kind == "modules/" {
			o.BuildDir, o.Paths = "", nil
		}
		res, err := Run(ctx, o)
		if !opened || !errors.Is(err, own) || !store.IsFailure(err) || !res.State.Unreachable {
			t.Errorf("%s: opened %t, %v, unreachable %t", kind, opened, err, res.State.Unreachable)
		}
		if len(res.State.Damaged)+len(res.Losses) != 0 || res.Modules.Refused+res.Build.Refused != 0 {
			t.Errorf("%s: %+v, %+v, %+v", kind, res.State.Damaged, res.Losses, res.Modules)
		}
	}
}
