package cli

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/snapshot"
)

// A Release is what the build of a release has put into the program. What is empty comes from what
// the go command records in it.
type Release struct{ Version, Commit string }

// versionInfo is what `gocache version` prints.
type versionInfo struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	Format  int    `json:"format"` // of the stored objects
}

// info joins what the release set and what the go command recorded. Binaries of
// `go install module@version` have a version, those of a checkout a commit.
func (r Release) info() versionInfo {
	v := versionInfo{
		Version: r.Version, Commit: r.Commit,
		Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, Format: snapshot.Format,
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = new(debug.BuildInfo)
	}
	if v.Version == "" {
		v.Version = info.Main.Version
	}
	if v.Commit == "" {
		v.Commit = vcsCommit(info)
	}
	if v.Version == "" || v.Version == "(devel)" {
		v.Version = "devel"
	}
	return v
}

// vcsCommit returns the commit that was built, marked when the tree had changes.
func vcsCommit(info *debug.BuildInfo) string {
	revision, modified := "unknown", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = "+changes"
		}
	}
	return revision + modified
}

// versionCommand also prints the format: versions of gocache with the same format can share a
// store.
func versionCommand(c commands) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of gocache and of the stored format",
		Args:  noArgs,
	}
	return c.add(cmd, config.Other, func(_ context.Context, r *run, _ []string) error {
		v := r.version
		r.out.quiet = false // who asks for the version wants it
		return r.out.result(v, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "gocache %s\ncommit  %s\ngo      %s %s/%s\nformat  %d\n",
				v.Version, v.Commit, v.Go, v.OS, v.Arch, v.Format)
			return err
		})
	})
}
