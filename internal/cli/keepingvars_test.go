package cli

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/config"
)

// TestKeepingVariables: no command ignores a variable that says how to encrypt objects.
func TestKeepingVariables(t *testing.T) {
	env := func(name string) string { return map[string]string{"GOCACHE_ACTION_SSE": "aws:kms"}[name] }
	for _, line := range []string{
		"restore --store /nowhere", "save --store s3://b?sse=AES256", "plan save --store /nowhere", "gc --store s3://b?sse=AES256", "save",
	} {
		var b bytes.Buffer
		code := execute(context.Background(), &console{stdout: &b, stderr: &b}, strings.Fields(line), env)
		if code != config.ExitUsage || !strings.Contains(b.String(), "gocache: error: $GOCACHE_ACTION_SSE is ") {
			t.Errorf("%s: exit code %d\n%s", line, code, &b)
		}
	}
}
