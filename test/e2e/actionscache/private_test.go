package actionscache

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/store/actions/actionstest"
	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/save"
)

// TestPrivate: neither private modules nor what mentions them gets into the cache of a public
// repository, unless asked.
func TestPrivate(t *testing.T) {
	const secret = "corp.example.com/secret"
	j := newJob(t, actionstest.New(t), "test", mainRef, "")
	j.restore(t)
	j.work(t)
	j.module(t, secret)
	const tool = "corp.example.com/tool" // installed, and in no go.sum
	j.module(t, tool)
	delete(j.sums, module.Version{Path: tool, Version: "v1.0.0"})
	now := time.Now()
	collecttest.BuildEntry(t, j.build, "a tool", "\x7fELF path\tcorp.example.com/tool\n", now.Add(-time.Minute), now)
	collecttest.BuildEntry(t, j.build, "an index", "go index v2\n what sources of a private module say", now.Add(-time.Minute), now)
	output := "!<arch>\n" + string(storetest.Content(1, 300<<10)) + " /root/go/pkg/mod/" + secret + "@v1.0.0/a.go " + string(storetest.Content(2, 3000))
	collecttest.BuildEntry(t, j.build, "uses the secret", output, now.Add(-time.Minute), now)

	o := j.saveOptions(t)
	o.Private, o.Withhold = "corp.example.com", []string{secret}
	res, err := save.Run(t.Context(), o)
	if err != nil || !res.Written || res.Withheld != (save.LeftOut{Modules: 2, Build: 2}) || len(res.Warnings) > 0 {
		t.Fatalf("%+v, %v", res, err)
	}
	stranger := j.next(t, "test", "refs/pull/9/merge", mainRef)
	stranger.restore(t)
	stranger.wants(t, "a pull request", everything...)
	for _, entry := range []string{"uses the secret", "a tool", "an index"} {
		if stranger.hasEntry(entry) {
			t.Errorf("a pull request has %s", entry)
		}
	}
	err = filepath.WalkDir(stranger.mod, func(path string, _ os.DirEntry, err error) error {
		if strings.Contains(path, "corp.example.com") {
			t.Errorf("a pull request has %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}

	asked := j.saveOptions(t)
	asked.Private = "corp.example.com"
	if res, err := save.Run(t.Context(), asked); err != nil || !res.Written || res.Withheld != (save.LeftOut{}) {
		t.Fatalf("%+v, %v", res, err)
	}
	own := j.next(t, "test", mainRef, "")
	own.private = "corp.example.com"
	own.restore(t)
	own.wants(t, "where it was asked for", append(everything, "uses the secret", "an index", secret)...)
}
