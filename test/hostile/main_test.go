package hostile

import (
	"os"
	"testing"

	"github.com/org/gocache-action/test/e2e/e2etest"
)

var shared e2etest.World

func TestMain(m *testing.M) { os.Exit(e2etest.Main(m, &shared)) }
