package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/semver"
)

// release is a version of the project, as the module proxy has it.
type release struct {
	Version string
	Time    time.Time
}

// minGap is the least time between two runs. The go command marks a use only on files that are an
// hour old, so if archives keep the times of files, a run that follows sooner would not show what
// it used.
const minGap = 2 * time.Hour

// listReleases asks the module proxy for the versions of the project and their dates.
func listReleases(ctx context.Context, l *lab, o options) ([]release, error) {
	out, err := l.goCommand(ctx, l.Path("tmp"), l.fetchEnv(), "list", "-m", "-versions", "-json", o.module)
	if err != nil {
		return nil, err
	}
	var listed struct{ Versions []string }
	if err := json.Unmarshal(out, &listed); err != nil {
		return nil, fmt.Errorf("go list -versions: %w", err)
	}
	args := []string{"list", "-m", "-json"}
	for _, v := range listed.Versions {
		if (o.first == "" || semver.Compare(v, o.first) >= 0) && (o.last == "" || semver.Compare(v, o.last) <= 0) {
			args = append(args, o.module+"@"+v)
		}
	}
	if len(args) == 3 {
		return nil, fmt.Errorf("the module proxy lists no such version of %s", o.module)
	}
	if out, err = l.goCommand(ctx, l.Path("tmp"), l.fetchEnv(), args...); err != nil {
		return nil, err
	}
	list, err := parseReleases(out)
	if err != nil {
		return nil, err
	}
	list = inOrder(list)
	if o.max > 0 && len(list) > o.max {
		list = list[len(list)-o.max:]
	}
	return list, nil
}

// parseReleases reads the sequence of JSON objects that "go list -m -json" prints.
func parseReleases(data []byte) (list []release, err error) {
	dec := json.NewDecoder(strings.NewReader(string(data)))
	for {
		var r release
		if err := dec.Decode(&r); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list -m -json: %w", err)
		}
		list = append(list, r)
	}
}

// inOrder sorts releases by date and drops those that are not newer than all before them: fixes for
// an older line, which would have a cache of their own on their branch. Of several releases within
// minGap, it keeps the last.
func inOrder(list []release) []release {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b release) int { return a.Time.Compare(b.Time) })
	var kept []release
	for _, r := range list {
		n := len(kept)
		switch {
		case n > 0 && semver.Compare(r.Version, kept[n-1].Version) < 0:
		case n > 0 && r.Time.Sub(kept[n-1].Time) < minGap:
			kept[n-1] = r
		default:
			kept = append(kept, r)
		}
	}
	return kept
}
