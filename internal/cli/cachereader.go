package cli

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/cacheprog"
	"github.com/org/gocache-action/internal/digest"
)

// Names of hidden commands, which go commands that plan --explain-miss runs start: as the program
// of GOCACHEPROG and of -toolexec.
const (
	cacheReader    = "cache-reader"
	compileNothing = "compile-nothing"
)

func cacheReaderCommand() *cobra.Command {
	return &cobra.Command{
		Use: cacheReader + " GOCACHE", Short: "Let a go command read a build cache, and not write to it", Hidden: true,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return readCache(args[0], os.Stdin, cmd.OutOrStdout()) },
	}
}

// readCache serves the build cache in dir.
func readCache(dir string, in io.Reader, out io.Writer) error {
	cache := buildcache.Open(dir)
	return cacheprog.Serve(in, out, func(action digest.ID) (cacheprog.Entry, bool) {
		e, file, ok := buildcache.Lookup(cache, action)
		return cacheprog.Entry{Output: e.Output, Size: e.Size, Time: time.Unix(0, e.Time), File: file}, ok
	})
}

func compileNothingCommand() *cobra.Command {
	return &cobra.Command{
		Use: compileNothing + " TOOL [ARGUMENT...]", Short: "Keep a go command from compiling and linking", Hidden: true,
		Args: cobra.MinimumNArgs(1), DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !mayRun(args) {
				return errors.New("it would be compiled")
			}
			tool := exec.CommandContext(cmd.Context(), args[0], args[1:]...)
			tool.Stdin, tool.Stdout, tool.Stderr = os.Stdin, cmd.OutOrStdout(), cmd.ErrOrStderr()
			return tool.Run()
		},
	}
}

// mayRun reports whether a tool is only asked for its version, or compiles the main package of a
// test. A C compiler tells its version with -### (cmd/go/internal/work.gccToolID): without that all
// that uses cgo, such as package net, would seem to be compiled by another one.
func mayRun(args []string) bool {
	if slices.Contains(args, "-V=full") || slices.Contains(args, "-###") {
		return true
	}
	tool := strings.TrimSuffix(filepath.Base(args[0]), ".exe")
	return tool == "compile" && slices.ContainsFunc(args, func(arg string) bool { return filepath.Base(arg) == "_testmain.go" })
}
