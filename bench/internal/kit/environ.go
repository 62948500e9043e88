package kit

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
)

// Environ returns the caller's environment without the variables that begin with one of the
// prefixes, as NAME=value.
func Environ(without ...string) []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		return slices.ContainsFunc(without, func(prefix string) bool { return strings.HasPrefix(v, prefix) })
	})
}

// GoSettings returns settings of the go command as NAME=value, wherever the caller has set them.
func GoSettings(ctx context.Context, names ...string) ([]string, error) {
	var list []string
	for _, name := range names {
		out, err := exec.CommandContext(ctx, "go", "env", name).Output()
		if err != nil {
			return nil, fmt.Errorf("go env %s: %w", name, err)
		}
		list = append(list, name+"="+strings.TrimSpace(string(out)))
	}
	return list, nil
}

// Build builds a program of the checkout, which is the working directory, or of one of its modules.
func Build(ctx context.Context, file string, args ...string) error {
	return Do(ctx, "go", slices.Concat([]string{"build", "-o", file}, args)...)
}

// Versitygw holds the arguments for Build that build the S3 server of the tests.
var Versitygw = []string{"-modfile=tools/go.mod", "github.com/versity/versitygw/cmd/versitygw"}

// Machine describes where and with what a run was made, as far as all benchmarks need it.
type Machine struct {
	Cores  int    `json:"cores"`
	Go     string `json:"go"`
	Commit string `json:"commit"` // of the checkout
}

// DescribeMachine describes this machine.
func DescribeMachine(ctx context.Context) Machine {
	return Machine{
		Cores:  runtime.NumCPU(),
		Go:     FirstLine(ctx, "go", "env", "GOVERSION"),
		Commit: FirstLine(ctx, "git", "describe", "--always", "--dirty", "--abbrev=12"),
	}
}

// ZstdVersion returns the first line of zstd's description of itself, without ornaments.
func ZstdVersion(ctx context.Context) string {
	return strings.Trim(FirstLine(ctx, "zstd", "--version"), "* ")
}
