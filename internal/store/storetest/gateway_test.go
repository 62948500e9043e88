package storetest

import (
	"os"
	"runtime"
	"testing"
)

// TestGatewayBinaryFromElsewhere: a test gets the server even if it has changed its directory and
// the environment of the go command.
func TestGatewayBinaryFromElsewhere(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("versitygw does not run on windows")
	}
	t.Setenv("GOFLAGS", "-mod=vendor")
	t.Setenv("GOWORK", "off")
	t.Setenv("HOME", t.TempDir())
	t.Chdir(t.TempDir())
	path, err := versitygw.binary()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}
