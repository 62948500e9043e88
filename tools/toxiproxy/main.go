// Command toxiproxy is toxiproxy with an additional toxic, "stall", for tests of bad networks. It
// listens on the address in its argument, HOST:PORT, and exits as soon as its standard input is
// closed, so that it cannot outlive the process that started it, however that process ends.
package main

import (
	"fmt"
	"io"
	"net"
	"os"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"github.com/rs/zerolog"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: toxiproxy HOST:PORT")
		os.Exit(2)
	}
	host, port, err := net.SplitHostPort(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "toxiproxy:", err)
		os.Exit(2)
	}
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	toxics.Register("stall", new(stall))
	log := zerolog.New(os.Stderr).Level(zerolog.ErrorLevel)
	toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), log).Listen(host, port)
}
