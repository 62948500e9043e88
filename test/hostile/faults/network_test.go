package faults

import (
	"errors"
	"fmt"
	"testing"

	"github.com/org/gocache-action/internal/store/s3"
	"github.com/org/gocache-action/internal/store/storetest"
)

// netFault is a fault of the network.
type netFault struct {
	name       string
	kind       string // of the toxic
	attributes string
	bytes      int // after which the fault happens
	expectation
}

// netFaults returns faults that apply to all connections, in one direction at a time.
func netFaults() (list []netFault) {
	list = []netFault{
		{"latency of 60 ms", "latency", `"latency":60,"jitter":20`, 0, expectOvercome},
		{"4 MB/s", "bandwidth", `"rate":4000`, 0, expectOvercome},
		{"slices of 4 KB", "slicer", `"average_size":4000,"size_variation":3000,"delay":10`, 0, expectOvercome},
		{"connections reset after 50 ms", "reset_peer", `"timeout":50`, 0, expectUnreachable},
	}
	// From before the first byte to the middle of the second part of the largest object.
	for _, n := range []int{0, 300, 4000, 200_000, 3 << 20, 5<<20 + 100_000} {
		list = append(list,
			netFault{fmt.Sprintf("connections end after %d bytes", n), "limit_data", fmt.Sprintf(`"bytes":%d`, n), n, expectUnreachable},
			netFault{fmt.Sprintf("connections stall after %d bytes", n), "stall", fmt.Sprintf(`"bytes":%d`, n), n, expectUnreachable})
	}
	return list
}

// network starts a network to the gateway with one fault.
func (w *wireWorld) network(f netFault, direction string) (*storetest.Network, error) {
	n, err := storetest.NewNetwork(w.gate)
	if err != nil {
		return nil, err
	}
	if err := n.Add(f.kind, direction, f.attributes); err != nil {
		return nil, errors.Join(err, n.Stop())
	}
	return n, nil
}

// TestFaultsNetwork runs saves and restores over bad networks. They complete over slow ones, and
// report those whose connections end or stall after some bytes. In the direction in which objects
// are transferred, the largest is transferred in parts.
func TestFaultsNetwork(t *testing.T) {
	w := newWireWorld(t)
	var trials []*trial
	for _, f := range netFaults() {
		for _, direction := range []string{"upstream", "downstream"} {
			for _, command := range []string{"save", "restore"} {
				objects := (command == "save") == (direction == "upstream")
				// requests and answers without objects are never that long
				if f.bytes > 4000 && !objects {
					continue
				}
				trials = append(trials, &trial{fault: f.name, command: command, at: direction, kind: direction, run: func(tr *trial, dir string) error {
					return w.over(f, direction, tr, dir, objects)
				}})
			}
		}
	}
	runTrials(t, trials)
}

// over makes a trial over a bad network.
func (w *wireWorld) over(f netFault, direction string, tr *trial, dir string, large bool) error {
	job, want := w.after, w.new
	if large {
		job, want = w.large, w.newLarge
	}
	list := []caches{w.before}
	if tr.command == "restore" {
		list = append(list, job)
	}
	direct, prefix, err := w.fresh(list...)
	if err != nil {
		return err
	}
	network, err := w.network(f, direction)
	if err != nil {
		return err
	}
	defer network.Stop()
	st, err := openWire(network.Endpoint, prefix, func(o *s3.Options) {
		if f.kind == "stall" {
			impatient(o)
		}
	})
	if err != nil {
		return err
	}
	if tr.command == "save" {
		return w.faultySave(tr, dir, st, direct, job, want, f.expectation)
	}
	_, err = w.faultyRestore(tr, dir, st, direct, want, f.expectation)
	return err
}
