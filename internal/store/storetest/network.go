package storetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"github.com/rs/zerolog"
)

// Network starts a proxy for connections to a server. Tests degrade it by adding toxics: those of
// toxiproxy, and "stall". Listen of the result is the address to connect to. The caller stops it.
func Network(server *Server) (*toxiproxy.Proxy, error) {
	p := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), "s3", "127.0.0.1:0", server.Addr)
	return p, p.Start()
}

// AddToxic degrades a network, in the direction downstream (to the client) or upstream. The name of
// the toxic is "t"; attributes is the inside of a JSON object.
func AddToxic(p *toxiproxy.Proxy, kind, direction, attributes string) error {
	text := fmt.Sprintf(`{"name":"t","type":%q,"stream":%q,"attributes":{%s}}`, kind, direction, attributes)
	_, err := p.Toxics.AddToxicJson(strings.NewReader(text))
	return err
}

func init() {
	toxics.Register("stall", new(stall))
	zerolog.SetGlobalLevel(zerolog.Disabled)
}

// stall is a toxic that lets some bytes of each connection pass, and then none, or one every 100
// ms. It closes nothing.
type stall struct {
	Bytes   int64 `json:"bytes"`
	Trickle bool  `json:"trickle"`
}

// stallState counts the bytes that passed on one connection. It is kept when toxics change.
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

// trickle reports false when it was interrupted.
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
