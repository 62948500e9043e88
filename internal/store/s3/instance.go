package s3

import (
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
)

// noInstanceRole reports whether an error of the metadata service, when it is asked for the roles,
// means that there is none: it is switched off, nobody is at its address, or who is there does not
// know the question, as the services of other clouds. What passes is something else: a service that
// is overloaded, or takes too long, would make a job of an instance with a role go on without.
func noInstanceRole(err error) bool {
	if strings.EqualFold(os.Getenv("AWS_EC2_METADATA_DISABLED"), "true") {
		return true
	}
	if st := status(err); st != 0 {
		return st/100 == 4 && st != http.StatusUnauthorized && st != http.StatusRequestTimeout && st != http.StatusTooManyRequests
	}
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" && !exhausted(err)
}

// exhausted: no connection could be tried, for lack of something on this machine, or of an answer
// to what a host's address is.
func exhausted(err error) bool {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return !dns.IsNotFound
	}
	for _, lack := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, lack) {
			return true
		}
	}
	return false
}
