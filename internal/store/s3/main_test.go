package s3_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/store/storetest"
)

// TestMain runs more tests at once than there are cores, since parallel tests spend most of their
// time waiting. Parallel tests cannot set variables, so it sets the server's variables for all
// tests. Tests that need other variables are not parallel.
func TestMain(m *testing.M) {
	flag.Parse()
	flag.Set("test.parallel", "8")
	if os.Getenv("GOCACHE_TEST_STORE") == "" { // that store has credentials of its own
		server := storetest.Server{AccessKey: storetest.AccessKey, SecretKey: storetest.SecretKey}
		for _, kv := range server.Env() {
			name, value, _ := strings.Cut(kv, "=")
			os.Setenv(name, value)
		}
	}
	os.Exit(m.Run())
}
