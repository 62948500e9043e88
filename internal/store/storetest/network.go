package storetest

import (
	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// Network starts a proxy of connections to a server, which tests make worse by adding toxics. Its Listen is the address of the near
// end. The caller stops it.
func Network(server *Server) (*toxiproxy.Proxy, error) {
	p := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), "s3", "127.0.0.1:0", server.Addr)
	return p, p.Start()
}
