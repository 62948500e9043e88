package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/org/gocache-action/internal/snapshot"
)

// Set by releases: -ldflags "-X main.version=v1.2.3 -X main.commit=...". Else they come from
// what the go command records in the binary.
var version, commit string

// versionInfo is what `gocache version` prints.
type versionInfo struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	Format  int    `json:"format"` // of the stored objects
}

// buildVersion joins what the release set and what the go command recorded. Binaries of
// `go install module@version` have a version, those of a checkout a commit.
func buildVersion() versionInfo {
	v := versionInfo{
		Version: version, Commit: commit,
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

// versionCommand prints the format too: two versions of gocache can share a store when theirs is
// the same.
func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of gocache and of the stored format",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := buildVersion()
			a.out.quiet = false // who asks for the version wants it
			return a.out.result(v, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "gocache %s\ncommit  %s\ngo      %s %s/%s\nformat  %d\n",
					v.Version, v.Commit, v.Go, v.OS, v.Arch, v.Format)
				return err
			})
		},
	}
}
