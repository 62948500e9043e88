// Command proxyload measures a module proxy under load: many clients at once download all modules
// of a project, as `go mod download` asks for them, and throw them away. A first client fills the
// proxy, and is not counted.
//
//	go run ./bench/proxyload                                    # gocache proxy, with an empty store
//	go run ./bench/proxyload -go 165 -sum go.sum,tools/go.sum    # real go commands
//	go run ./bench/proxyload -server http://localhost:3001 -pid 4711   # another proxy that runs
package main

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/bench/internal/kit"
)

func main() { kit.Main("proxyload", execute) }

func execute(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("proxyload", flag.ContinueOnError)
	clients := f.Int("clients", 200, "downloads at `once`")
	sum := f.String("sum", "go.sum", "`files` that say which modules, with commas between")
	modules := f.Int("go", 0, "run go commands, each for so many of the smallest `modules`, instead of sending requests")
	server := f.String("server", "", "`URL` of a proxy that runs; without it gocache is built and started")
	pid := f.Int("pid", 0, "its process `ID`, for its memory")
	if err := f.Parse(args); err != nil {
		return err
	}
	if err := kit.NoArguments(f); err != nil {
		return err
	}
	var paths []string
	for _, file := range strings.Split(*sum, ",") {
		more, err := pathsOf(file)
		if err != nil {
			return err
		}
		paths = append(paths, more...)
	}
	l := load{server: *server, pid: *pid, paths: paths, client: newClient(*clients)}
	if l.server == "" {
		stop, err := l.startProxy(ctx)
		if err != nil {
			return err
		}
		defer stop()
	}
	if *modules > 0 {
		return l.runGo(ctx, *clients, *modules)
	}
	return l.run(ctx, *clients)
}

// pathsOf lists what a go command asks for.
func pathsOf(goSum string) (paths []string, err error) {
	data, err := os.ReadFile(goSum)
	if err != nil {
		return nil, err
	}
	for sc := bufio.NewScanner(bytes.NewReader(data)); sc.Scan(); {
		f := strings.Fields(sc.Text())
		if len(f) != 3 {
			continue
		}
		path, err := module.EscapePath(f[0])
		if err != nil {
			return nil, err
		}
		version, isMod := strings.CutSuffix(f[1], "/go.mod")
		esc, err := module.EscapeVersion(version)
		if err != nil {
			return nil, err
		}
		base := "/" + path + "/@v/" + esc
		if isMod {
			paths = append(paths, base+".mod")
		} else {
			paths = append(paths, base+".info", base+".zip")
		}
	}
	return paths, nil
}

// newClient opens as many connections as there are clients, and does not open them again and again.
func newClient(n int) *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns, t.MaxIdleConnsPerHost, t.DisableCompression = 2*n, 2*n, true
	return &http.Client{Transport: t}
}

type load struct {
	server string
	pid    int
	paths  []string
	client *http.Client
}

// startProxy builds and starts gocache proxy with an empty store.
func (l *load) startProxy(ctx context.Context) (stop func(), err error) {
	tmp, err := os.MkdirTemp("", "proxyload-")
	if err != nil {
		return nil, err
	}
	remove := func() { os.RemoveAll(tmp) }
	program := filepath.Join(tmp, "gocache")
	if err := kit.Build(ctx, program, "./cmd/gocache"); err != nil {
		remove()
		return nil, err
	}
	const address = "127.0.0.1:3399"
	cmd := exec.CommandContext(ctx, program, "proxy", "--quiet", "--listen", address,
		"--store", filepath.Join(tmp, "store"), "--cache-dir", filepath.Join(tmp, "cache"))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		remove()
		return nil, err
	}
	l.server, l.pid = "http://"+address, cmd.Process.Pid
	stop = func() { cmd.Process.Signal(os.Interrupt); cmd.Wait(); remove() }
	if err := kit.Answers(ctx, address); err != nil {
		stop()
		return nil, fmt.Errorf("gocache proxy: %w", err)
	}
	return stop, nil
}

// sample is what one client has seen.
type sample struct {
	took  []time.Duration
	bytes int64
	err   error
}

// download asks for all paths, beginning anywhere.
func (l *load) download(ctx context.Context, first int) (s sample) {
	for i := range l.paths {
		begin := time.Now()
		n, err := l.get(ctx, l.paths[(first+i)%len(l.paths)])
		if err != nil {
			s.err = err
			return s
		}
		s.took = append(s.took, time.Since(begin))
		s.bytes += n
	}
	return s
}

func (l *load) get(ctx context.Context, path string) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.server+path, nil)
	if err != nil {
		return 0, err
	}
	resp, err := l.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, resp.Status)
	}
	return n, err
}

func (l *load) run(ctx context.Context, clients int) error {
	begin := time.Now()
	cold := l.download(ctx, 0)
	if cold.err != nil {
		return cold.err
	}
	fmt.Printf("cold, 1 client: %.1f s, %d requests, %.0f MB\n", time.Since(begin).Seconds(), len(cold.took), mb(cold.bytes))

	samples := make([]sample, clients)
	var g sync.WaitGroup
	begin = time.Now()
	for i := range samples {
		g.Go(func() { samples[i] = l.download(ctx, i*len(l.paths)/clients) })
	}
	g.Wait()
	took := time.Since(begin).Seconds()
	var all []time.Duration
	var bytes int64
	for _, s := range samples {
		if s.err != nil {
			return s.err
		}
		all, bytes = append(all, s.took...), bytes+s.bytes
	}
	slices.Sort(all)
	at := func(share float64) string {
		return all[int(share*float64(len(all)-1))].Round(10 * time.Microsecond).String()
	}
	fmt.Printf("warm, %d clients on %d cores: %.1f s, %.0f requests/s, %.0f MB/s; a request %s (median), %s (99 %%), %s (longest)\n",
		clients, runtime.NumCPU(), took, float64(len(all))/took, mb(bytes)/took, at(.5), at(.99), at(1))
	l.printMemory()
	return nil
}

func (l *load) printMemory() {
	if l.pid != 0 {
		fmt.Printf("memory of the proxy at most: %.0f MB\n", peakMemory(l.pid))
	}
}

func mb(n int64) float64 { return float64(n) / 1e6 }

// peakMemory is the most memory that a process had so far, where that can be found out.
func peakMemory(pid int) float64 {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			return kb * 1024 / 1e6
		}
	}
	return 0
}
