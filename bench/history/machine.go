package main

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
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
		Go:     firstLine(ctx, "go", "env", "GOVERSION"),
		Tar:    firstLine(ctx, "tar", "--version"),
		Zstd:   strings.Trim(firstLine(ctx, "zstd", "--version"), "* "),
		Commit: firstLine(ctx, "git", "describe", "--always", "--dirty", "--abbrev=12"),
	}
}

// firstLine returns the first line that a command prints, or why there is none.
func firstLine(ctx context.Context, name string, args ...string) string {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return fmt.Sprintf("unknown (%v)", err)
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line
}
