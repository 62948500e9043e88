package main

import (
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
)

// stall is a toxic that lets some bytes of each connection pass, and then nothing more, or one byte
// every 100 ms. It closes nothing.
type stall struct {
	Bytes   int64 `json:"bytes"`
	Trickle bool  `json:"trickle"`
}

// stallState counts the bytes of one connection that have passed. It outlives changes to the
// toxics.
type stallState struct{ passed int64 }

// NewState implements toxics.StatefulToxic.
func (s *stall) NewState() any { return new(stallState) }

// Pipe implements toxics.Toxic.
func (s *stall) Pipe(stub *toxics.ToxicStub) {
	state := stub.State.(*stallState)
	for {
		select {
		case <-stub.Interrupt:
			return
		case c := <-stub.Input:
			if c == nil {
				stub.Close()
				return
			}
			n := min(int64(len(c.Data)), s.Bytes-state.passed)
			if n > 0 {
				state.passed += n
				stub.Output <- &stream.StreamChunk{Timestamp: c.Timestamp, Data: c.Data[:n]}
			}
			if s.Trickle && !trickle(stub, c.Data[n:]) {
				return
			}
		}
	}
}

// trickle passes bytes one at a time. It returns false if it is interrupted.
func trickle(stub *toxics.ToxicStub, data []byte) bool {
	for i := range data {
		select {
		case <-stub.Interrupt:
			return false
		case <-time.After(100 * time.Millisecond):
			stub.Output <- &stream.StreamChunk{Data: data[i : i+1], Timestamp: time.Now()}
		}
	}
	return true
}
