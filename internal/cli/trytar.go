package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// tarWay does what actions/cache does: it writes one archive of both directories, compressed by
// zstd on all cores, to the disk, from where it goes to the store; and for a restore it fetches the
// archive to the disk, and unpacks it there. The store is a directory beside it.
type tarWay struct{ t *trial }

// missingTools says which tool is missing; "" if none is.
func missingTools() string {
	for _, name := range []string{"tar", "zstd"} {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Sprintf("no %s in PATH to compare with", name)
		}
	}
	return ""
}

func (w *tarWay) archive() string { return w.t.path("archive/cache.tzst") }
func (w *tarWay) stored() string  { return w.t.path("archive/stored.tzst") }
func (w *tarWay) target() string  { return w.t.path("third") }

func (w *tarWay) save(ctx context.Context, _ bool) (int64, error) {
	err := pipe(
		exec.CommandContext(ctx, "tar", "-cf", "-", "-C", w.t.cacheDir(), "."),
		exec.CommandContext(ctx, "zstd", "-q", "-T0", "-f", "-o", w.archive()))
	if err != nil {
		return 0, fmt.Errorf("tar and zstd: %w", err)
	}
	return transfer(w.archive(), w.stored())
}

func (w *tarWay) restore(ctx context.Context) error {
	if _, err := transfer(w.stored(), w.archive()); err != nil {
		return err
	}
	err := pipe(
		exec.CommandContext(ctx, "zstd", "-q", "-d", "-c", w.archive()),
		exec.CommandContext(ctx, "tar", "-xf", "-", "-C", w.target()))
	if err != nil {
		return fmt.Errorf("zstd and tar: %w", err)
	}
	return nil
}

func (w *tarWay) clear() error { return clearDir(w.target()) }

// transfer copies a file through memory, as a network would: some file systems only note that two
// files have the same blocks.
func transfer(from, to string) (n int64, err error) {
	src, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer src.Close()
	dst, err := os.Create(to)
	if err != nil {
		return 0, err
	}
	n, err = io.CopyBuffer(struct{ io.Writer }{dst}, struct{ io.Reader }{src}, make([]byte, 1<<20))
	return n, errors.Join(err, dst.Close())
}

// pipe runs two commands, the output of the first being the input of the second.
func pipe(from, to *exec.Cmd) error {
	out, err := from.StdoutPipe()
	if err != nil {
		return err
	}
	to.Stdin = out
	if err := from.Start(); err != nil {
		return err
	}
	startErr := to.Start()
	// The second has the pipe now. With ours open too, the first would hang on a full
	// pipe when the second ends early.
	out.Close()
	if startErr != nil {
		return errors.Join(startErr, from.Wait())
	}
	return errors.Join(to.Wait(), from.Wait())
}
