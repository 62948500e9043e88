package s3_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/store/storetest"
)

// TestMain lets more tests run at once than there are cores: those that say so mostly wait. As such
// tests cannot set variables, those of the server are set for all; tests that want others set them,
// and run before.
func TestMain(m *testing.M) {
	flag.Parse()
	flag.Set("test.parallel", "8")
	if os.Getenv("GOCACHE_TEST_STORE") == "" { // which has credentials of its own
		server := storetest.Server{AccessKey: storetest.AccessKey, SecretKey: storetest.SecretKey}
		for _, kv := range server.Env() {
			name, value, _ := strings.Cut(kv, "=")
			os.Setenv(name, value)
		}
	}
	os.Exit(m.Run())
}
