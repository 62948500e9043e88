//go:build linux

package main

import "time"

// packet is due when it has left a link of the given rate and crossed it.
type packet struct {
	data []byte
	due  time.Time
}

// packets are those on their way in one direction, the oldest first. Their buffers are used again.
type packets struct {
	list  []packet
	bytes int      // in list
	free  [][]byte // buffers that are not in use
	next  []byte   // buffer for the next packet; nil: none yet
}

// buffer returns where to put the next packet.
func (q *packets) buffer() []byte {
	if q.next == nil {
		if n := len(q.free); n > 0 {
			q.next, q.free = q.free[n-1], q.free[:n-1]
		} else {
			q.next = make([]byte, maxPacket)
		}
	}
	return q.next
}

// push appends the packet of n bytes that is in the buffer.
func (q *packets) push(n int, due time.Time) {
	q.list = append(q.list, packet{q.next[:n], due})
	q.next = nil
	q.bytes += n
}

func (q *packets) empty() bool    { return len(q.list) == 0 }
func (q *packets) first() *packet { return &q.list[0] }

// pop removes the first packet.
func (q *packets) pop() {
	p := q.list[0]
	q.bytes -= len(p.data)
	q.free = append(q.free, p.data[:maxPacket])
	q.list[0] = packet{}
	q.list = q.list[1:]
}
