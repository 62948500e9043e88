package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Network is a network between clients and a server that tests make worse by adding a toxic: one of
// toxiproxy's, or "stall" (tools/toxiproxy).
type Network struct {
	Endpoint string // http://127.0.0.1:PORT, the near end

	api string // URL of the proxy in the API of toxiproxy
}

// NewNetwork starts a network to a server. The caller stops it.
func NewNetwork(server *Server) (*Network, error) { return NetworkTo(server.Addr) }

// NetworkTo starts a network to an address, 127.0.0.1:PORT. The caller stops it.
func NetworkTo(addr string) (*Network, error) {
	p, err := startToxiproxy()
	if err != nil {
		return nil, err
	}
	name := "network" + strconv.FormatInt(networks.Add(1), 10)
	var answer struct{ Listen string }
	err = callToxiproxy(http.MethodPost, p.endpoint()+"/proxies",
		map[string]any{"name": name, "listen": "127.0.0.1:0", "upstream": addr}, &answer)
	return &Network{"http://" + answer.Listen, p.endpoint() + "/proxies/" + name}, err
}

// Stop closes all connections and lets no new ones in.
func (n *Network) Stop() error { return callToxiproxy(http.MethodDelete, n.api, nil, nil) }

// Add makes the network worse, in the direction downstream (to the client) or upstream, until
// Remove. Attributes are the inside of a JSON object.
func (n *Network) Add(kind, direction, attributes string) error {
	return callToxiproxy(http.MethodPost, n.api+"/toxics", map[string]any{
		"name": toxic, "type": kind, "stream": direction,
		"attributes": json.RawMessage("{" + attributes + "}"),
	}, nil)
}

// Remove takes back what was added in one direction.
func (n *Network) Remove() error {
	return callToxiproxy(http.MethodDelete, n.api+"/toxics/"+toxic, nil, nil)
}

// toxic names the one toxic of a network.
const toxic = "t"

var networks atomic.Int64 // so far

// startToxiproxy starts the one toxiproxy of this process, with which it ends.
var startToxiproxy = sync.OnceValues(func() (*process, error) {
	return program{
		tool: toxiproxy, health: "/version", leashed: true,
		args: func(addr string) []string { return []string{addr} },
	}.start()
})

// callToxiproxy sends a request to the API of toxiproxy, and decodes the answer unless that is nil.
func callToxiproxy(method, url string, body, answer any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(data))
	if err != nil {
		return err
	}
	req.Close = true // few requests: none leaves a connection behind
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("toxiproxy: %s %s: %s: %s", method, req.URL.Path, resp.Status, bytes.TrimSpace(text))
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}
