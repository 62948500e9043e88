package main

import "slices"

// subject is a project to be measured, with the changes made to it. If Upgrade is empty, that
// scenario is left out.
type subject struct {
	Name    string `json:"name"`
	Module  string `json:"module"`  // path@version
	Release string `json:"release"` // version of the next patch release
	// Job is what a CI job runs between restore and save.
	Job     [][]string `json:"job"`
	Edit    string     `json:"edit"`    // source file that changes
	Upgrade string     `json:"upgrade"` // path@version of a dependency
	GiB     int        `json:"gib"`     // disk size: caches twice, archives, the store
	Limits  limits     `json:"limits"`
}

// limits are targets: ratios gocache / tar, except Release, which is in bytes.
type limits struct {
	Stored        float64 `json:"stored"`     // after the first save
	FirstSave     float64 `json:"first_save"` // wall time, loopback
	Restore       float64 `json:"restore"`    // wall time, loopback
	RestoreShaped float64 `json:"restore_shaped"`
	// Release is what may be uploaded after the next patch release, in bytes: of test-heavy 0.30
	// and of build-only 0.40 of what format 1 uploaded, which did not cut outputs into chunks
	// (757.5 and 14.7 MB).
	Release float64 `json:"release"`
}

// subjects are real projects with releases close to each other. The tests of the first import most
// of its packages, and each test that replaces a package causes its dependents to be compiled
// again, so most of its build cache consists of variants of the same packages. It has no separate
// upgrade, since its release upgrades three dependencies.
var subjects = []subject{
	{
		Name: "test-heavy", Module: "github.com/gohugoio/hugo@v0.147.0", Release: "v0.147.1", GiB: 32,
		// Newer versions of vet complain about its code. The tests are compiled and linked, but not
		// run: only what they leave in the build cache matters here.
		Job: [][]string{
			{"go", "build", "./..."},
			{"go", "vet", "-printf=false", "./..."},
			{"go", "test", "-vet=off", "-run", "^$", "./..."},
		},
		Edit:   "commands/server.go", // of a package that only the program and its tests import
		Limits: limits{Stored: 0.33, FirstSave: 0.40, Restore: 0.35, RestoreShaped: 0.30, Release: 227e6},
	},
	{
		Name: "build-only", Module: "github.com/caddyserver/caddy/v2@v2.10.1", Release: "v2.10.2", GiB: 8,
		Job:     [][]string{{"go", "build", "./..."}, {"go", "vet", "./..."}},
		Edit:    "modules/caddyhttp/server.go", // 21 of the 47 packages import its package
		Upgrade: "github.com/quic-go/quic-go@v0.54.1",
		Limits:  limits{Stored: 0.62, FirstSave: 0.75, Restore: 0.60, RestoreShaped: 0.45, Release: 5.9e6},
	},
}

func subjectNames() (names []string) {
	for _, s := range subjects {
		names = append(names, s.Name)
	}
	return names
}

func subjectNamed(name string) subject {
	return subjects[slices.IndexFunc(subjects, func(s subject) bool { return s.Name == name })]
}

// has reports whether a scenario can be measured on the project.
func (s subject) has(scenario string) bool {
	return scenario != upgradeSave || s.Upgrade != ""
}
