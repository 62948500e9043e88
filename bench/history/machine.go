package main

import (
	"context"
	"runtime"
	"strings"

	"github.com/org/gocache-action/bench/internal/kit"
)

// machine says with what a replay was made.
type machine struct {
	Cores  int    `json:"cores"`
	Go     string `json:"go"`
	Tar    string `json:"tar"`
	Zstd   string `json:"zstd"`
	Commit string `json:"commit"` // of the checkout
}

func describeMachine(ctx context.Context) machine {
	return machine{
		Cores:  runtime.NumCPU(),
		Go:     kit.FirstLine(ctx, "go", "env", "GOVERSION"),
		Tar:    kit.FirstLine(ctx, "tar", "--version"),
		Zstd:   strings.Trim(kit.FirstLine(ctx, "zstd", "--version"), "* "),
		Commit: kit.FirstLine(ctx, "git", "describe", "--always", "--dirty", "--abbrev=12"),
	}
}
