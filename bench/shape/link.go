//go:build linux

package main

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// The names of the namespaces, and their addresses (from 198.18.0.0/15, which RFC 2544 reserves for
// benchmarks). The benchmark in the parent directory uses the same.
const (
	serverNS, serverTUN, serverAddr = "gocache-bench-srv", "gcbench-srv", "198.18.64.1/30"
	clientNS, clientTUN, clientAddr = "gocache-bench-cli", "gcbench-cli", "198.18.64.2/30"
)

// queue is how many bytes wait in one direction before further packets are dropped. It must hold
// more than rate x delay, or the link could not keep up its full rate with the delay.
const queue = 36 << 20

type shaping struct {
	delay         time.Duration
	bitsPerSecond float64
	mtu           int
}

// serve sets up both ends, relays until ctx ends, and removes the namespaces.
func serve(ctx context.Context, s shaping) error {
	removeNamespaces() // left by an earlier run that was killed
	defer removeNamespaces()
	server, err := endpoint(serverNS, serverTUN, serverAddr, s.mtu)
	if err != nil {
		return err
	}
	client, err := endpoint(clientNS, clientTUN, clientAddr, s.mtu)
	if err != nil {
		return err
	}
	failed := make(chan error, 2)
	go func() { failed <- s.relay(server, client) }()
	go func() { failed <- s.relay(client, server) }()
	fmt.Println("ready")
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// endpoint creates a namespace with a TUN device in it, and returns the file
// descriptor on which the device's packets are read and written.
func endpoint(ns, tun, addr string, mtu int) (int, error) {
	if err := ip("netns add " + ns); err != nil {
		return 0, err
	}
	fd, err := openTUN(tun)
	if err != nil {
		return 0, err
	}
	for _, args := range []string{
		"link set " + tun + " netns " + ns,
		"-n " + ns + " addr add " + addr + " dev " + tun,
		"-n " + ns + " link set lo up",
		"-n " + ns + " link set " + tun + " mtu " + strconv.Itoa(mtu) + " txqueuelen 10000 up",
	} {
		if err := ip(args); err != nil {
			return 0, err
		}
	}
	return fd, nil
}

// openTUN opens a blocking descriptor: the device exists as long as that stays open, even after it
// has moved to another namespace. Like most network cards, the device computes checksums and cuts
// data into segments, so packets of up to 64 KiB cross the relay, each after a header that says so
// (virtio_net_hdr).
func openTUN(name string) (int, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("open /dev/net/tun: %w", err)
	}
	request, err := unix.NewIfreq(name)
	if err != nil {
		return 0, fmt.Errorf("device name %s: %w", name, err)
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		return 0, fmt.Errorf("create device %s: %w", name, err)
	}
	if err := unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, unix.TUN_F_CSUM|unix.TUN_F_TSO4); err != nil {
		return 0, fmt.Errorf("offload of device %s: %w", name, err)
	}
	return fd, nil
}

func ip(args string) error {
	out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", args, err, out)
	}
	return nil
}

func removeNamespaces() {
	for _, ns := range []string{serverNS, clientNS} {
		_ = exec.Command("ip", "netns", "del", ns).Run() // usually there is none
	}
}

// packet is due when it has left a link of the given rate and crossed it.
type packet struct {
	data *[]byte
	due  time.Time
}

const (
	headerSize = 10 // virtio_net_hdr
	maxPacket  = headerSize + 64<<10
	// tick is how long the sender sleeps at least, so that the relay uses little of the cores on
	// which both ends run as well.
	tick = 500 * time.Microsecond
)

// relay moves packets in one direction. The sender sleeps until the oldest packet is due. If it
// wakes up late, it sends everything that has become due in one burst, so the mean rate is kept.
func (s shaping) relay(from, to int) error {
	waiting := make(chan packet, 1<<16)
	var queued atomic.Int64
	pool := sync.Pool{New: func() any { b := make([]byte, maxPacket); return &b }}
	go func() {
		for p := range waiting {
			if d := time.Until(p.due); d > 0 {
				time.Sleep(max(d, tick))
			}
			_, _ = unix.Write(to, *p.data) // an error is a lost packet
			queued.Add(-int64(len(*p.data)))
			pool.Put(p.data)
		}
	}()
	defer close(waiting)
	free := time.Now() // when the link will have sent everything accepted so far
	for {
		data := pool.Get().(*[]byte)
		n, err := unix.Read(from, (*data)[:maxPacket])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("read from device: %w", err)
		}
		*data = (*data)[:n]
		if queued.Load() > queue {
			pool.Put(data) // dropped, as a full router queue does
			continue
		}
		queued.Add(int64(n))
		if now := time.Now(); free.Before(now) {
			free = now
		}
		free = free.Add(time.Duration(float64((n-headerSize)*8) / s.bitsPerSecond * float64(time.Second)))
		waiting <- packet{data, free.Add(s.delay)}
	}
}
