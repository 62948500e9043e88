package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/org/gocache-action/bench/internal/kit"
)

// process is a server that this program has started.
type process struct {
	addr string
	cmd  *exec.Cmd
}

// kill ends a process at once; nil and one that has ended are fine.
func (p *process) kill() {
	if p != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	}
}

// end lets a process end that has children; nil is fine.
func (p *process) end() {
	if p != nil {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		_ = p.cmd.Wait()
	}
}

// proxy starts gocache proxy at a free address.
func (b *bench) proxy(ctx context.Context, name string, args ...string) (*process, error) {
	addr, err := kit.FreeAddr()
	if err != nil {
		return nil, err
	}
	return b.proxyAt(ctx, addr, name, args...)
}

// proxyAt starts gocache proxy, and waits until it answers. What it logs goes to a file.
func (b *bench) proxyAt(ctx context.Context, addr, name string, args ...string) (*process, error) {
	log, err := os.OpenFile(b.dir.Path(name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	args = append([]string{"proxy", "--quiet", "--listen", addr, "--cache-dir", b.dir.Path(name)}, args...)
	cmd := exec.Command(b.dir.Path("gocache"), args...)
	cmd.Env = append(kit.Environ("GOCACHE_ACTION_", "AWS_"), kit.Credentials()...)
	cmd.Stdout, cmd.Stderr = log, log
	return started(ctx, addr, cmd)
}

// balance starts nginx with the configuration of deploy/, at other addresses.
func (b *bench) balance() error {
	data, err := os.ReadFile("deploy/nginx.conf")
	if err != nil {
		return err
	}
	addr, err := kit.FreeAddr()
	if err != nil {
		return err
	}
	text := strings.NewReplacer(
		"proxy-1:3000", b.replicas[0].addr, "proxy-2:3000", b.replicas[1].addr, "listen 3000", "listen "+addr,
		"http {", "http {\n    access_log off;",
	).Replace(string(data))
	dir := b.dir.Path(fmt.Sprintf("nginx-%d", b.count))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		return err
	}
	cmd := exec.Command("setpriv", "--pdeathsig", "TERM", "--", "nginx", "-e", "error.log", "-p", dir, "-c", conf, "-g", "daemon off; pid nginx.pid;")
	b.balancer, err = started(context.Background(), addr, cmd)
	return err
}

// started starts a server, and waits until it is healthy.
func started(ctx context.Context, addr string, cmd *exec.Cmd) (*process, error) {
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{addr, cmd}
	if err := kit.Answers(ctx, addr); err != nil {
		p.kill()
		return nil, fmt.Errorf("%s: %w", cmd.Args[0], err)
	}
	return p, nil
}
