package cli

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/org/gocache-action/internal/ci"
	"github.com/org/gocache-action/internal/extradir"
	"github.com/org/gocache-action/internal/samedir"
	"github.com/org/gocache-action/internal/usage"
)

// maxPaths is less than a snapshot can hold: a snapshot also keeps the directories of other jobs
// until they are too old.
const maxPaths = 32

// extraPaths finds the directories of --path, and gives them names that are the same on every
// machine.
func extraPaths(dirs []string, p *project, env ci.Env) (list []extradir.Path, err error) {
	home, _ := os.UserHomeDir()
	for _, given := range dirs {
		one, err := extraPath(given, p.dir, home, env)
		if err != nil {
			return nil, err
		}
		if slices.Contains(list, one) {
			continue
		}
		if err := apart(one, p, list); err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	if len(list) > maxPaths {
		return nil, usage.Errorf("--path names %d directories, at most %d are possible", len(list), maxPaths)
	}
	return list, nil
}

// extraPath resolves one directory. A leading ~ and variables ($X, ${X}) are resolved here too,
// because CI systems pass inputs without a shell that would do it. A relative path is relative to
// the project.
//
// The name is the path as given if it has variables. Otherwise it is relative to the project, or to
// the home directory with a leading ~, or absolute, so that it does not matter whether a shell
// resolved it.
func extraPath(given, project, home string, env ci.Env) (extradir.Path, error) {
	if err := usage.CheckName("--path", given); err != nil {
		return extradir.Path{}, err
	}
	given, err := pathVariables(given, runtime.GOOS)
	if err != nil {
		return extradir.Path{}, err
	}
	var unset []string
	dir := os.Expand(given, func(name string) string {
		v := env(name)
		if v == "" {
			unset = append(unset, name)
		}
		return v
	})
	if len(unset) > 0 {
		return extradir.Path{}, usage.Errorf("--path %s: $%s is not set", given, unset[0])
	}
	if rest, ok := strings.CutPrefix(dir, "~"); ok && (rest == "" || os.IsPathSeparator(rest[0])) {
		if home == "" {
			return extradir.Path{}, usage.Errorf("--path %s: no home directory", given)
		}
		dir = filepath.Join(home, rest)
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(project, dir)
	}
	dir = filepath.Clean(dir)
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return extradir.Path{}, usage.Errorf("--path %s is not a directory", given)
	}
	if strings.Contains(given, "$") {
		return extradir.Path{Name: filepath.ToSlash(given), Dir: dir}, nil
	}
	return extradir.Path{Name: portable(dir, project, home), Dir: dir}, nil
}

// portable names a directory such that the name stays the same where project and home are
// elsewhere.
func portable(dir, project, home string) string {
	if rel, ok := samedir.Within(dir, project); ok {
		return rel
	}
	if rel, ok := samedir.Within(dir, home); ok {
		return "~/" + rel
	}
	return filepath.ToSlash(dir)
}

// apart refuses a directory that contains, or lies in, another one that is stored by itself: files
// would be stored twice, and a cache would be filled against its own rules.
func apart(one extradir.Path, p *project, list []extradir.Path) error {
	others := map[string]string{"GOMODCACHE": p.env.GOMODCACHE, "GOCACHE": p.env.buildDir()}
	for _, o := range list {
		others["--path "+o.Name] = o.Dir
		if o.Name == one.Name {
			return usage.Errorf("--path: two directories have the name %s", one.Name)
		}
	}
	for name, dir := range others {
		if dir == "" {
			continue
		}
		if _, ok := samedir.Inside(one.Dir, dir); ok {
			return usage.Errorf("--path %s lies in %s, %s", one.Name, name, dir)
		}
		if _, ok := samedir.Inside(dir, one.Dir); ok {
			return usage.Errorf("--path %s contains %s, %s", one.Name, name, dir)
		}
	}
	if _, ok := samedir.Inside(p.dir, one.Dir); ok {
		return usage.Errorf("--path %s contains the project: only caches can be stored", one.Name)
	}
	return nil
}

// filesTitle is what tables call the files of --path.
const filesTitle = "files of --path"
