package rebuild

import (
	"fmt"
	"strings"
)

// Name names a step: stable, for scripts and journals.
type Name string

// The steps, in their order.
const (
	Backup   Name = "backup"
	Indexes  Name = "indexes"
	Aside    Name = "set-aside"
	Download Name = "download"
	Verify   Name = "verify"
	Build    Name = "build"
	Compare  Name = "compare"
	Exchange Name = "exchange"
	Keep     Name = "keep"
	Delete   Name = "delete"
)

// A Step of a rebuild, for people: what it does, and how that is undone.
type Step struct {
	Name Name   `json:"name"`
	Does string `json:"does"`
	Undo string `json:"undo"`
}

// Plan lists the steps of a rebuild. It is pure.
func Plan(o Options) []Step {
	var list []Step
	add := func(when bool, name Name, does, undo string) {
		if when {
			list = append(list, Step{name, does, undo})
		}
	}
	mods, build := o.ModDir != "", o.BuildDir != ""
	add(len(o.Unsaved) > 0, Backup, fmt.Sprintf("copy %s to %s", strings.Join(o.Unsaved, ", "), o.Backup), "the copies stay")
	add(mods && o.GOCACHE != "", Indexes, "forget what the build cache notes of modules", "the go command makes it again")
	add(mods, Aside, "set aside "+asideWhat(o)+" by renames", "the same renames back")
	add(mods, Download, "go mod download, with the checksums of go.sum", "what was downloaded is deleted")
	add(mods, Verify, "go mod verify, and each tree and go.mod against go.sum", "nothing was changed")
	add(!o.NoBuild, Build, "go build and compile the tests, with GOPROXY=off, into "+buildWhere(o), "that cache is deleted")
	add(true, Compare, "find out what differs from before", "nothing was changed")
	add(build && (o.All || !o.NoBuild), Exchange, exchangeWhat(o), exchangeUndo(o))
	add(true, Keep, "note that the new caches are whole; "+keepWhat(o), "from here on nothing is undone")
	add(true, Delete, "delete what was set aside", "what cannot be deleted is named, and deleted by the next rebuild")
	return list
}

func asideWhat(o Options) string {
	if o.All {
		return "all of " + o.ModDir
	}
	return fmt.Sprintf("the versions that go.sum names (%d) in %s", len(versions(o)), o.ModDir)
}

func buildWhere(o Options) string {
	if o.BuildDir == "" {
		return "the build cache"
	}
	return "an empty build cache"
}

func exchangeWhat(o Options) string {
	if o.All {
		return "set aside all of " + o.BuildDir + " that the go command has made, but the fuzzing corpus, and put the new build cache there"
	}
	return "put the new outputs into " + o.BuildDir + ", in place of those of the same actions"
}

func exchangeUndo(o Options) string {
	if o.All {
		return "the same renames back"
	}
	return "new outputs stay, which are right whatever the others are"
}

func keepWhat(o Options) string {
	if o.ModDir == "" || o.All {
		return "nothing else"
	}
	return "put versions back that go.sum names and nothing needed, if they are right"
}
