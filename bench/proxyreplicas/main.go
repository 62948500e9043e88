// Command proxyreplicas kills one of two module proxies while go commands download through the load
// balancer of deploy/, and counts which of them fail.
//
//	go run ./bench/proxyreplicas
//
// Two proxies share a bucket of a local S3 server; nginx with deploy/nginx.conf stands in front. In
// each round some go commands download all modules of tools/go.mod into empty caches, through
// proxies that have nothing (cold) or everything (warm), and at another moment in each round one
// proxy is killed. It starts again two seconds later. The go commands compare all modules with
// go.sum. They name the balancer in GOPROXY once or twice: see deploy/README.md.
//
// It needs nginx and the Go module proxy; what it kills are its own processes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/org/gocache-action/bench/internal/kit"
	"github.com/org/gocache-action/internal/osfile"
)

func main() { kit.Main("proxyreplicas", execute) }

func execute(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("proxyreplicas", flag.ContinueOnError)
	kills := f.Int("kills", 8, "rounds of each kind, with one kill each")
	clients := f.Int("clients", 4, "go commands at `once`")
	modules := f.String("modules", "tools", "`directory` with the go.mod and go.sum to download")
	gateway := f.String("versitygw", "", "S3 server, as a `file`; without it, it is built")
	if err := f.Parse(args); err != nil {
		return err
	}
	if err := kit.NoArguments(f); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "proxyreplicas-")
	if err != nil {
		return err
	}
	defer osfile.RemoveAll(tmp)
	b := &bench{dir: kit.Dir(tmp), modules: *modules, clients: *clients, gateway: *gateway}
	defer b.stop()
	if err := b.start(ctx); err != nil {
		return err
	}
	for _, once := range []bool{true, false} {
		for _, warm := range []bool{false, true} {
			if err := b.rounds(ctx, *kills, once, warm); err != nil {
				return err
			}
		}
	}
	return nil
}

// bench is what lives through all rounds.
type bench struct {
	dir      kit.Dir
	modules  string
	clients  int
	gateway  string
	s3       *kit.Server
	upstream *process
	replicas [2]*process
	balancer *process
	count    int // names of directories
}

// start builds the programs, and fills the upstream, so that the internet is asked once.
func (b *bench) start(ctx context.Context) error {
	err := kit.Build(ctx, b.dir.Path("gocache"), "./cmd/gocache")
	if err == nil && b.gateway == "" {
		b.gateway = b.dir.Path("versitygw")
		err = kit.Build(ctx, b.gateway, kit.Versitygw...)
	}
	if err != nil {
		return err
	}
	b.s3, err = kit.StartServer(ctx, kit.ServerOptions{Binary: b.gateway, Dir: b.dir.Path("s3"), Log: b.dir.Path("s3.log")})
	if err != nil {
		return err
	}
	b.upstream, err = b.proxy(ctx, "upstream", "--store", b.dir.Path("upstream-store"))
	if err != nil {
		return err
	}
	failed, took, err := b.download(ctx, "http://"+b.upstream.addr, 1, nil)
	if err != nil || len(failed) > 0 {
		return errors.Join(err, errors.New(strings.Join(failed, "\n")))
	}
	fmt.Printf("upstream filled in %.1f s\n", took.Seconds())
	return nil
}

// rounds measures how long a download takes, and then kills a replica at moments that are spread
// over that time.
func (b *bench) rounds(ctx context.Context, n int, once, warm bool) error {
	var whole time.Duration
	var failures []string
	for i := range n + 1 { // the first without a kill
		if err := b.fresh(ctx, warm); err != nil {
			return err
		}
		goproxy := "http://" + b.balancer.addr
		if !once {
			goproxy += "|" + goproxy
		}
		var kill func()
		if i > 0 {
			kill = func() { b.kill(ctx, i%2, whole*time.Duration(2*i-1)/time.Duration(2*n)) }
		}
		failed, took, err := b.download(ctx, goproxy, b.clients, kill)
		if err != nil {
			return err
		}
		if i == 0 {
			whole = took
		}
		failures = append(failures, failed...)
		// What is in the bucket now is all right, for a client without a kill.
		if failed, _, err := b.download(ctx, "http://"+b.balancer.addr, 1, nil); err != nil || len(failed) > 0 {
			return errors.Join(err, fmt.Errorf("after a kill: %s", failed))
		}
	}
	kind, names := "cold", "twice"
	if warm {
		kind = "warm"
	}
	if once {
		names = "once"
	}
	fmt.Printf("%s, balancer named %s in GOPROXY: %d kills within %.1f s, %d go commands, %d failed\n",
		kind, names, n, whole.Seconds(), n*b.clients, len(failures))
	for _, f := range failures {
		fmt.Println("   ", f)
	}
	if !once && len(failures) > 0 {
		return errors.New("go commands failed that could try again")
	}
	return nil
}

// fresh starts both replicas and the balancer, over an empty prefix of the bucket.
func (b *bench) fresh(ctx context.Context, warm bool) error {
	b.stopRound()
	b.count++
	if err := b.s3.NewBucket("modules"); err != nil {
		return err
	}
	for i := range b.replicas {
		if err := b.replica(ctx, i); err != nil {
			return err
		}
	}
	if err := b.balance(); err != nil {
		return err
	}
	if !warm {
		return nil
	}
	failed, _, err := b.download(ctx, "http://"+b.balancer.addr, 1, nil)
	if len(failed) > 0 {
		err = errors.Join(err, errors.New(failed[0]))
	}
	return err
}

// replica starts one of the two, again where it was if it ran before.
func (b *bench) replica(ctx context.Context, i int) (err error) {
	name := fmt.Sprintf("replica-%d-%d", b.count, i)
	b.replicas[i], err = b.proxy(ctx, name, "--store", b.s3.URL("modules", "p"), "--upstream", "http://"+b.upstream.addr)
	return err
}

// kill kills a replica after a while, and starts it again.
func (b *bench) kill(ctx context.Context, i int, after time.Duration) {
	time.Sleep(after)
	addr := b.replicas[i].addr
	b.replicas[i].kill()
	time.Sleep(2 * time.Second)
	name := fmt.Sprintf("replica-%d-%d", b.count, i)
	var err error
	b.replicas[i], err = b.proxyAt(ctx, addr, name, "--store", b.s3.URL("modules", "p"), "--upstream", "http://"+b.upstream.addr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "proxyreplicas:", err)
	}
}

// download runs go commands, each with empty caches, and kill beside them. It returns what those
// said that failed.
func (b *bench) download(ctx context.Context, goproxy string, n int, kill func()) (failed []string, took time.Duration, err error) {
	said := make([]string, n)
	errs := make([]error, n)
	var g sync.WaitGroup
	begin := time.Now()
	for i := range n {
		g.Go(func() { said[i], errs[i] = b.goModDownload(ctx, goproxy) })
	}
	var killing sync.WaitGroup
	if kill != nil {
		killing.Go(kill)
	}
	g.Wait()
	took = time.Since(begin)
	killing.Wait()
	for _, s := range said {
		if s != "" {
			failed = append(failed, s)
		}
	}
	return failed, took, errors.Join(errs...)
}

// goModDownload returns what a go command says that fails.
func (b *bench) goModDownload(ctx context.Context, goproxy string) (failed string, err error) {
	dir, err := os.MkdirTemp(string(b.dir), "client-")
	if err != nil {
		return "", err
	}
	defer osfile.RemoveAll(dir)
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(b.modules, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o644)
		}
		if err != nil {
			return "", err
		}
	}
	cmd := exec.CommandContext(ctx, "go", "mod", "download")
	cmd.Dir = dir
	cmd.Env = append(kit.Environ("GOFLAGS=", "GOPROXY=", "GOMODCACHE=", "GOPATH="), "GOFLAGS=-modcacherw",
		"GOPROXY="+goproxy, "GOPATH="+filepath.Join(dir, "gopath"), "GONOSUMDB=", "GOPRIVATE=", "GONOPROXY=", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && ctx.Err() == nil {
		return strings.TrimSpace(string(out)), nil
	}
	return "", err
}

func (b *bench) stopRound() {
	b.balancer.end()
	for _, r := range b.replicas {
		r.kill()
	}
}

func (b *bench) stop() {
	b.stopRound()
	b.upstream.kill()
	if b.s3 != nil {
		b.s3.Close()
	}
}
