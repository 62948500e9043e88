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
	kit.Machine
	CPU         string `json:"cpu"`
	MemoryBytes int64  `json:"memory_bytes"`
	Kernel      string `json:"kernel"`
	Tar         string `json:"tar"`
	Zstd        string `json:"zstd"`
	Rclone      string `json:"rclone"`
	Versitygw   string `json:"versitygw"`
	Gocache     string `json:"gocache"`
	ImageDir    string `json:"image_dir"`
}

func describeMachine(ctx context.Context, l *lab) (machine, error) {
	total, err := memInfo("MemTotal")
	if err != nil {
		return machine{}, err
	}
	return machine{
		Machine: kit.DescribeMachine(ctx), CPU: cpuModel(), MemoryBytes: total,
		Kernel:    kit.FirstLine(ctx, "uname", "-sr"),
		Tar:       kit.FirstLine(ctx, "tar", "--version"),
		Zstd:      kit.ZstdVersion(ctx),
		Rclone:    kit.FirstLine(ctx, "rclone", "version"),
		Versitygw: kit.FirstLine(ctx, "go", "list", "-modfile=tools/go.mod", "-m", "github.com/versity/versitygw"),
		Gocache:   kit.FirstLine(ctx, l.Path("bin", "gocache"), "version"),
		ImageDir:  filepath.Dir(l.disk.image),
	}, nil
}

func cpuModel() string {
	info, _ := os.ReadFile("/proc/cpuinfo") // if it is missing, only the architecture is reported
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
