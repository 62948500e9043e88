package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/smithy-go/middleware"
)

// An Instance is the metadata service of a virtual machine, which has credentials for its role.
type Instance struct {
	Endpoint string // base URL; empty: as the SDK's variable says, else the usual address
	Disabled bool   // is not asked
}

// instanceOfEnvironment is what the SDK's variables say.
func instanceOfEnvironment() Instance {
	return Instance{Disabled: strings.EqualFold(os.Getenv("AWS_EC2_METADATA_DISABLED"), "true")}
}

// use makes the provider of credentials of an instance ask this service, and give up soon where
// there is none: on most machines its address leads nowhere.
func (i Instance) use(o *ec2rolecreds.Options) {
	dialer := &net.Dialer{Timeout: time.Second}
	state := imds.ClientEnabled
	if i.Disabled {
		state = imds.ClientDisabled
	}
	o.Client = roleLister{disabled: i.Disabled, Client: imds.New(imds.Options{
		Endpoint:          i.Endpoint,
		ClientEnableState: state,
		Retryer:           retry.NewStandard(func(so *retry.StandardOptions) { so.MaxAttempts = 2 }),
		HTTPClient: &http.Client{
			Timeout:   2 * time.Second,
			Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true},
		},
	})}
}

// errNoInstanceRole: there is no metadata service, or it knows no role.
var errNoInstanceRole = errors.New("no role of an instance")

// roleLister is the client of the metadata service. It marks the answers which mean that there is
// no role: the service may be missing, or belong to another cloud and answer anything.
type roleLister struct {
	*imds.Client
	disabled bool
}

// rolesPath is where the service lists the roles of an instance; see package ec2rolecreds.
const rolesPath = "/iam/security-credentials/"

func (l roleLister) GetMetadata(ctx context.Context, in *imds.GetMetadataInput, o ...func(*imds.Options)) (*imds.GetMetadataOutput, error) {
	out, err := l.Client.GetMetadata(ctx, in, o...)
	if in.Path != rolesPath {
		return out, err
	}
	if err != nil {
		if l.disabled || noInstanceRole(err) {
			err = fmt.Errorf("%w: %w", errNoInstanceRole, err)
		}
		return nil, err
	}
	defer out.Content.Close()
	list, err := io.ReadAll(io.LimitReader(out.Content, 1<<16))
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(list)) == 0 {
		return nil, errNoInstanceRole
	}
	return &imds.GetMetadataOutput{Content: io.NopCloser(bytes.NewReader(list)), ResultMetadata: middleware.Metadata{}}, nil
}

// noInstanceRole reports whether an error of the metadata service, when asked for the roles, means
// that there is none: nobody is at its address, or whoever is there does not know the question,
// like the services of other clouds. A failure that may pass does not mean that: otherwise a
// service that is overloaded or slow would make a job go on without the role of its instance.
func noInstanceRole(err error) bool {
	if st := status(err); st != 0 {
		return st/100 == 4 && st != http.StatusUnauthorized && st != http.StatusRequestTimeout && st != http.StatusTooManyRequests
	}
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" && !exhausted(err)
}

// exhausted reports whether no connection could be tried, because this machine ran out of something
// or could not resolve the name of the host.
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
