package faults

import (
	"fmt"
	"os"
	"testing"

	"github.com/org/gocache-action/internal/osfile"
)

// base is the directory of the small project, which all tests share.
var base string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	var err error
	if base, err = os.MkdirTemp("", "gocache-faults-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer osfile.RemoveAll(base)
	return m.Run()
}
