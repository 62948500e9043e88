package rebuild

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/quantity"
)

// Surroundings are what a rebuild needs of the machine and of the network, as the checks see it.
type Surroundings struct {
	Options
	// Unseen says why go commands may run that Busy does not see, "" if there is no reason.
	Unseen string
	// NoBuildCache says why there is no build cache in a directory.
	NoBuildCache string
	// NoModules means that the go command is in GOPATH mode.
	NoModules          bool
	GOPROXY, GONOPROXY string
	GONOSUMDB, GOAUTH  string
	Client             *http.Client
	Login              func(host string) *url.Userinfo // of .netrc
	// Direct asks the repository of a module for a version, as the go command does without a proxy.
	Direct func(ctx context.Context, v module.Version) error
	// Free returns the bytes that can be written to the file system of a directory, and what tells
	// it from others; nil: osfile.Space.
	Free func(dir string) (free int64, id string, err error)
}

// Check looks whether a rebuild can succeed. It changes nothing. What failed is better mended
// first: the rebuild would fail, too, later, or harm what runs beside it.
func Check(ctx context.Context, s Surroundings) finding.Findings {
	if s.Free == nil {
		s.Free = func(dir string) (int64, string, error) {
			v, err := osfile.Space(dir)
			if err == nil && v.Total <= 0 {
				err = fmt.Errorf("the file system of %s does not tell how much is free", dir)
			}
			return v.Free, v.ID, err
		}
	}
	list := finding.Findings{
		named(checkGo, s.goCommands()), named("caches", s.caches()), named("file-system", s.fileSystem()),
		named("disk-space", s.diskSpace()), named("module-files", s.moduleFiles()),
	}
	if s.ModDir != "" {
		list = append(list, named("proxies", s.proxies(ctx)), named("private-modules", s.private(ctx)))
	}
	return list
}

func named(check string, f finding.Finding) finding.Finding {
	f.Check = check
	return f
}

const checkGo = "go-commands"

// SeesGoCommands reports whether the check for running go commands failed.
func SeesGoCommands(checks finding.Findings) bool {
	for _, f := range checks {
		if f.Check == checkGo {
			return f.Status == finding.Fail
		}
	}
	return false
}

func (s Surroundings) goCommands() finding.Finding {
	if s.Busy == nil {
		return finding.Okf("not looked for")
	}
	running, err := s.Busy()
	switch {
	case err != nil:
		return finding.Failf(finding.Advise("make sure that no go command runs, then --force"), "%v", err)
	case len(running) > 0:
		return finding.Failf(finding.Advise("wait for them to end, or --force if they use other caches"), "running: %s", strings.Join(running, ", "))
	case s.Unseen != "":
		return finding.Warnf(finding.Advise("make sure that no go command elsewhere uses these caches"), "none is seen, but %s", s.Unseen)
	}
	return finding.Okf("none is running")
}

// caches looks whether the directories can be worked on, and whether one is in the other.
func (s Surroundings) caches() finding.Finding {
	var seen []string
	if err := overlap(s.Options); err != nil {
		return finding.Failf(finding.Advise("give each a directory of its own, or leave --all out"), "%v", err)
	}
	for _, dir := range s.dirs() {
		left, err := Left(dir)
		switch {
		case err != nil:
			return finding.Failf(finding.Advise("see the text"), "%v", err)
		case left != "":
			return finding.Warnf(finding.Advise("nothing to do: that is undone first"), "%s", left)
		}
		if err := writable(dir); err != nil {
			return finding.Failf(finding.Advise("give this user the directory, or run as its owner"), "%s: %v", dir, err)
		}
		seen = append(seen, dir)
	}
	if s.NoBuildCache != "" {
		return finding.Warnf(finding.Remedy{}, "only the module cache: %s", s.NoBuildCache)
	}
	return finding.Okf("%s", strings.Join(seen, ", "))
}

// writable reports whether this user can make files in a directory. One that is not there is made
// by the go command.
func writable(dir string) error {
	st, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !st.IsDir():
		return errors.New("not a directory")
	}
	probe, err := os.MkdirTemp(dir, asideDir+"-probe-")
	if err != nil {
		return err
	}
	return os.Remove(probe)
}

// fileSystem looks whether all that is set aside can be renamed: file systems that are mounted
// below a cache cannot.
func (s Surroundings) fileSystem() finding.Finding {
	for _, dir := range s.dirs() {
		_, id, err := s.Free(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return finding.Warnf(finding.Remedy{}, "unknown: %v", err)
		}
		list, err := s.renamed(dir)
		if err != nil {
			return finding.Failf(finding.Advise("see the text"), "%v", err)
		}
		for _, name := range list {
			below := filepath.Join(dir, filepath.FromSlash(name))
			if _, other, err := s.Free(below); err == nil && other != id {
				return finding.Failf(finding.Advise("unmount it, or rebuild the other cache only"), "%s is another file system than %s, and cannot be set aside", below, dir)
			}
		}
	}
	return finding.Okf("what is set aside stays on its file system")
}

// renamed lists the directories in a cache that are renamed, or of which something is.
func (s Surroundings) renamed(dir string) ([]string, error) {
	list, err := entries(dir, dir == s.BuildDir)
	if dir == s.ModDir {
		list = append(list, "cache/download")
		if s.All {
			list = append(list, "cache/vcs", "cache/download/sumdb")
		}
	}
	return list, err
}

// dirs are the directories of the caches that are rebuilt.
func (s Surroundings) dirs() (list []string) {
	for _, dir := range []string{s.ModDir, s.BuildDir} {
		if dir != "" {
			list = append(list, dir)
		}
	}
	return list
}

// need is about how many bytes a cache takes anew while the old one is still there: the modules of
// the project that are here now, and what the build cache has, of which nobody can tell the part of
// one project.
func (s Surroundings) need(dir string) (n int64) {
	if dir == s.BuildDir {
		if s.NoBuild {
			return 0
		}
		return size(dir)
	}
	for _, v := range versions(s.Options) {
		for _, unit := range unitsOf(v) {
			n += size(filepath.Join(dir, filepath.FromSlash(unit)))
		}
	}
	return n
}

func (s Surroundings) diskSpace() finding.Finding {
	need, left := map[string]int64{}, map[string]int64{}
	for _, dir := range s.dirs() {
		free, id, err := s.Free(osfile.Existing(dir))
		if err != nil {
			return finding.Warnf(finding.Remedy{}, "unknown: %v", err)
		}
		need[id] += s.need(dir)
		left[id] = free
	}
	var texts []string
	for id, n := range need {
		text := fmt.Sprintf("%s free, at most %s needed until the old caches are deleted", quantity.Bytes(left[id]), quantity.Bytes(n))
		if left[id] < n && !s.All { // the new outputs of one project are mostly a small part of all
			return finding.Warnf(finding.Run("gocache trim").With("or nothing: if the disk gets full, all is undone"), "%s", text)
		}
		if left[id] < n {
			return finding.Failf(finding.Run("gocache trim").With("or --force: if the disk gets full, all is undone"), "%s", text)
		}
		texts = append(texts, text)
	}
	return finding.Okf("%s", strings.Join(texts, "; "))
}

func (s Surroundings) moduleFiles() finding.Finding {
	switch {
	case len(s.Files) == 0 && s.NoModules:
		return finding.Failf(finding.Run("gocache doctor --check module-mode"), "the go command is in GOPATH mode, by GO111MODULE, and reads no go.mod")
	case len(s.Files) == 0:
		return finding.Failf(finding.Advise("run it in a directory with a go.mod, or give --dir"), "no go.mod in %s", s.Dir)
	case len(s.Zip)+len(s.Mod) == 0 && s.ModDir != "":
		return finding.Warnf(finding.Run("go mod tidy").With("if it has dependencies"), "go.sum names no module: there is nothing to verify against")
	case len(s.Unsaved) > 0:
		return finding.Warnf(finding.Advise("git commit, or nothing: they are copied to "+s.Backup), "git does not have them as they are: %s", strings.Join(s.Unsaved, ", "))
	}
	return finding.Okf("committed: %s", strings.Join(s.Files, ", "))
}
