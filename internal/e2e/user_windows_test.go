package e2e

import (
	"testing"

	"github.com/org/gocache-action/restore"
)

func restoreAs(t *testing.T, _ uint32, _, _ string) (res restore.Result) {
	t.Helper()
	t.Fatal("not on Windows")
	return res
}
