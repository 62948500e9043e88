package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/org/gocache-action/bench/internal/kit"
)

const (
	loopback = "loopback"
	shaped   = "shaped"
)

var linkNames = []string{loopback, shaped}

// link is the connection between client and server.
type link struct {
	name        string
	host        string   // address of the server
	server      []string // prefixes of the command lines that enter the namespace of each end
	client      []string
	relay       *exec.Cmd
	description string
}

func openLink(ctx context.Context, l *lab, name string) (*link, error) {
	if name == loopback {
		return &link{name: name, host: "127.0.0.1", description: "Client and server on one machine, with nothing between them"}, nil
	}
	argv := []string{"setpriv", "--pdeathsig", "TERM", "--", l.Path("bin", "shape"), "-delay", "10ms", "-rate", "1000", "link"}
	relay := exec.Command(argv[0], argv[1:]...) // ended by close, so that it can clean up
	relay.Stderr = os.Stderr
	out, err := relay.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := relay.Start(); err != nil {
		return nil, err
	}
	k := &link{
		name: name, host: "198.18.64.1", relay: relay,
		server:      []string{"nsenter", "--net=/run/netns/gocache-bench-srv", "--"},
		client:      []string{"nsenter", "--net=/run/netns/gocache-bench-cli", "--"},
		description: "Client and server in two network namespaces; between them 1 Gbit/s and 10 ms of delay in each direction, MTU 9000, with segmentation offload as network cards have it",
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || strings.TrimSpace(line) != "ready" {
		k.close()
		return nil, fmt.Errorf("shaped link did not start (%v)", err)
	}
	return k, nil
}

func (k *link) close() {
	if k.relay == nil {
		return
	}
	_ = k.relay.Process.Signal(os.Interrupt)
	_ = k.relay.Wait()
}

// roundTrip waits for the server and returns the median time of a TCP handshake with it.
func (k *link) roundTrip(ctx context.Context, l *lab, addr string) (string, error) {
	argv := append(append([]string{}, k.client...), l.Path("bin", "shape"), "probe", addr)
	out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("probe of the server: %w: %s", err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

const serverPort = "7079"

// startServer starts the server at its end of the link. roundTrip is the measured time of a TCP
// handshake with it.
func startServer(ctx context.Context, l *lab, k *link) (s *kit.Server, roundTrip string, err error) {
	if err := l.emptyDir("store"); err != nil {
		return nil, "", err
	}
	s, err = kit.StartServer(ctx, kit.ServerOptions{
		Binary: l.Path("bin", "versitygw"), Dir: l.Path("store"), Log: l.Path("access.log"),
		Addr: k.host + ":" + serverPort, Enter: k.server, Env: l.env,
		Ready: func(ctx context.Context, addr string) (err error) {
			roundTrip, err = k.roundTrip(ctx, l, addr)
			return err
		},
	})
	return s, roundTrip, err
}
