//go:build linux

// Command shape makes a slow link on one machine: two network namespaces joined by a userspace
// relay that adds a delay and limits the rate. It works on kernels without the netem module, and
// needs root, the ip command and /dev/net/tun.
//
//	shape [-delay 10ms] [-rate 1000] link     until SIGTERM; prints "ready" when the link is up
//	shape probe HOST:PORT                     waits for the port, prints the median time to connect
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

func main() {
	delay := flag.Duration("delay", 10*time.Millisecond, "delay in one direction")
	rate := flag.Float64("rate", 1000, "Mbit/s in one direction")
	mtu := flag.Int("mtu", 9000, "bytes in a packet")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch flag.Arg(0) {
	case "link":
		err = serve(ctx, shaping{delay: *delay, bitsPerSecond: *rate * 1e6, mtu: *mtu})
	case "probe":
		err = probe(ctx, flag.Arg(1))
	default:
		err = fmt.Errorf("usage: shape link | shape probe HOST:PORT")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "shape:", err)
		os.Exit(1)
	}
}

// probe waits up to 10 seconds for addr to accept connections, then connects several times:
// a TCP handshake takes one round trip.
func probe(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var times []time.Duration
	for len(times) < 9 {
		start := time.Now()
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if ctx.Err() != nil {
			return fmt.Errorf("%s does not answer: %w", addr, err)
		}
		if err != nil {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		times = append(times, time.Since(start))
		conn.Close()
	}
	slices.Sort(times)
	fmt.Println(times[len(times)/2])
	return nil
}
