package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/org/gocache-action/bench/internal/kit"
)

// disk is an ext4 file system in an image file. The root file system of a virtual machine may
// create files twenty times more slowly than a fresh one, which would hide everything else.
type disk struct {
	image, dir string
	keep       bool
	ratios     map[string][]byte // settings of the kernel, by file, with their original values
}

// mountDisk makes the image and mounts it, or reuses the one that an earlier run kept.
func mountDisk(ctx context.Context, image string, sizeGiB int, keep bool) (*disk, error) {
	d := &disk{image: image, dir: filepath.Join(os.TempDir(), "gocache-bench"), keep: keep}
	if err := d.holdWriteback(); err != nil {
		return nil, errors.Join(err, d.freeWriteback())
	}
	if mounted, err := mountedImage(d.dir); err != nil || mounted != "" {
		logf("using %s in %s again", d.dir, mounted)
		d.image = mounted
		return d, err
	}
	if err := touchMemory(); err != nil {
		return nil, err
	}
	logf("writing %d GiB of zeros to %s", sizeGiB, image)
	if err := writeZeros(image, int64(sizeGiB)<<30); err != nil {
		return nil, errors.Join(err, os.Remove(image))
	}
	if err := d.mount(ctx); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

// mountedImage returns the image file that is mounted at dir through a loop device, or "".
func mountedImage(dir string) (string, error) {
	device, err := loopDevice(dir)
	if err != nil || device == "" {
		return "", err
	}
	image, err := os.ReadFile(filepath.Join("/sys/block", filepath.Base(device), "loop/backing_file"))
	return strings.TrimSpace(string(image)), err
}

// loopDevice returns the device that is mounted at dir, or "".
func loopDevice(dir string) (string, error) {
	mounts, err := os.ReadFile("/proc/mounts") // device directory type ...
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); f[1] == dir {
			return f[0], nil
		}
	}
	return "", nil
}

func (d *disk) mount(ctx context.Context) error {
	// nodiscard keeps the blocks of the image allocated; the two lazy options would leave work to a
	// kernel thread, which would run during the first measurements.
	err := kit.Image{File: d.image, Dir: d.dir}.Mount(ctx, []string{"-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0"}, "loop")
	if err != nil {
		return err
	}
	// Otherwise, memory would hold a second copy of an image that lies on a disk. If this is not
	// possible, it only costs memory.
	if device, err := loopDevice(d.dir); err == nil {
		_ = kit.Do(ctx, "losetup", "--direct-io=on", device)
	}
	return nil
}

// holdWriteback makes the kernel write the image on "sync", and not during a measurement. Otherwise
// its threads would start, and slow down writers, at a moment that depends on how much memory
// happens to be free.
func (d *disk) holdWriteback() error {
	d.ratios = map[string][]byte{}
	for _, s := range [][2]string{{"dirty_ratio", "90"}, {"dirty_background_ratio", "80"}} {
		file := filepath.Join("/proc/sys/vm", s[0])
		old, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		d.ratios[file] = old
		if err := os.WriteFile(file, []byte(s[1]), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (d *disk) freeWriteback() (err error) {
	for file, old := range d.ratios {
		err = errors.Join(err, os.WriteFile(file, old, 0o644))
	}
	return err
}

func (d *disk) close() error {
	if err := d.freeWriteback(); err != nil || d.keep {
		return err
	}
	return kit.Image{File: d.image, Dir: d.dir}.Remove()
}

// touchMemory fills two thirds of the free memory once and releases it. The first access to a page
// of a virtual machine causes a page fault in the host, which would slow down the first runs.
func touchMemory() error {
	free, err := availableMemory()
	if err != nil {
		return err
	}
	const file = "/dev/shm/gocache-bench.touch"
	logf("touching %d GiB of memory", free*2/3>>30)
	err = writeZeros(file, free*2/3)
	if errors.Is(err, syscall.ENOSPC) {
		err = nil // fill as much as fits
	}
	return errors.Join(err, os.Remove(file))
}

func writeZeros(file string, size int64) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.CopyBuffer(f, io.LimitReader(zeros{}, size), make([]byte, 1<<20)); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return f.Close()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
