package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/org/gocache-action/bench/internal/kit"
)

// machine describes where and with what a run was made.
type machine struct {
	CPU         string `json:"cpu"`
	Cores       int    `json:"cores"`
	MemoryBytes int64  `json:"memory_bytes"`
	Kernel      string `json:"kernel"`
	Go          string `json:"go"`
	Tar         string `json:"tar"`
	Zstd        string `json:"zstd"`
	Rclone      string `json:"rclone"`
	Versitygw   string `json:"versitygw"`
	Gocache     string `json:"gocache"`
	Commit      string `json:"commit"` // of the checkout
	ImageDir    string `json:"image_dir"`
}

func describeMachine(ctx context.Context, l *lab) (machine, error) {
	total, err := memInfo("MemTotal")
	if err != nil {
		return machine{}, err
	}
	return machine{
		CPU: cpuModel(), Cores: runtime.NumCPU(), MemoryBytes: total,
		Kernel:    kit.FirstLine(ctx, "uname", "-sr"),
		Go:        kit.FirstLine(ctx, "go", "env", "GOVERSION"),
		Tar:       kit.FirstLine(ctx, "tar", "--version"),
		Zstd:      strings.Trim(kit.FirstLine(ctx, "zstd", "--version"), "* "),
		Rclone:    kit.FirstLine(ctx, "rclone", "version"),
		Versitygw: kit.FirstLine(ctx, "go", "list", "-modfile=tools/go.mod", "-m", "github.com/versity/versitygw"),
		Gocache:   kit.FirstLine(ctx, l.path("bin", "gocache"), "version"),
		Commit:    kit.FirstLine(ctx, "git", "describe", "--always", "--dirty"),
		ImageDir:  filepath.Dir(l.disk.image),
	}, nil
}

func cpuModel() string {
	info, _ := os.ReadFile("/proc/cpuinfo") // absent: the architecture has to do
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// availableMemory returns the bytes that can be used without swapping.
func availableMemory() (int64, error) { return memInfo("MemAvailable") }

func memInfo(name string) (int64, error) {
	info, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(info)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			kib, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/meminfo has no %s", name)
}
