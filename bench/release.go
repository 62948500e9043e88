package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Variants of the files that differ between a release and the one before it. If a file is missing
// in a variant, it is not in that release.
const beforeRelease, released = "before-release", "released"

// makeRelease fetches the next patch release and its new dependencies.
func (p *project) makeRelease(ctx context.Context) error {
	path, _, _ := strings.Cut(p.Module, "@")
	if err := p.fetchModule(ctx, path+"@"+p.Release, "next"); err != nil {
		return err
	}
	if err := p.fetchDependencies(ctx, "next"); err != nil {
		return err
	}
	names, err := p.keepDifferences()
	if err != nil {
		return err
	}
	logf("%s differs from %s in %d files", p.Release, p.Module, len(names))
	return os.RemoveAll(p.Path("next"))
}

// keepDifferences saves both variants of the files in which "next" differs from the project.
func (p *project) keepDifferences() (names []string, err error) {
	if names, err = differing(p.Path("project"), p.Path("next")); err != nil {
		return nil, err
	}
	for from, to := range map[string]string{"project": beforeRelease, "next": released} {
		if err := p.replace(from, to, names); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// useRelease gives the project the files of one of the two releases.
func (p *project) useRelease(variant string) error {
	before, err := contents(p.Path(beforeRelease))
	if err != nil {
		return err
	}
	after, err := contents(p.Path(released))
	if err != nil {
		return err
	}
	maps.Copy(before, after)
	return p.replace(variant, "project", slices.Collect(maps.Keys(before)))
}

// replace makes files in one directory the same as in another, by copying or removing them.
func (p *project) replace(from, to string, names []string) error {
	for _, name := range names {
		err := p.copyFiles(from, to, []string{name})
		if errors.Is(err, fs.ErrNotExist) {
			err = os.RemoveAll(p.Path(to, name))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// releaseJob turns the project into the next release and runs the job.
func (p *project) releaseJob(ctx context.Context) error { return p.runJob(ctx, p.proxyOnly()) }

// differing returns the relative names of the files that differ between two trees.
func differing(a, b string) (names []string, err error) {
	before, err := contents(a)
	if err != nil {
		return nil, err
	}
	after, err := contents(b)
	if err != nil {
		return nil, err
	}
	all := maps.Clone(before)
	maps.Copy(all, after)
	for name := range all {
		old, was := before[name]
		now, is := after[name]
		if was != is || !bytes.Equal(old, now) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// contents reads all files of a tree, by name. A missing tree has none.
func contents(root string) (map[string][]byte, error) {
	files := map[string][]byte{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		files[name], err = os.ReadFile(file)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return files, err
}
