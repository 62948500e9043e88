package main

import (
	"cmp"
	"errors"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/org/gocache-action/internal/store/s3"
)

// customerKeyVariable holds the key of SSE-C, in base64. There is no flag for it, since flags can
// be seen in the list of processes.
const customerKeyVariable = "GOCACHE_ACTION_SSE_C_KEY"

// keepingFlags say how a bucket keeps objects. Those of a store's URL hold where a flag says
// nothing.
type keepingFlags struct {
	sse             choice
	kmsKey          string
	bucketKey       bool
	customerKeyFile string
	class           string
	requesterPays   bool
}

func (k *keepingFlags) register(fs *pflag.FlagSet) {
	k.sse = choice{allowed: sseChoices}
	fs.Var(&k.sse, "sse", "server-side encryption of what is written (default: as the bucket decides)")
	fs.StringVar(&k.kmsKey, "sse-kms-key-id", "", "with --sse aws:kms: ID, ARN or alias of the key (default: that of the bucket)")
	fs.BoolVar(&k.bucketKey, "sse-bucket-key", false, "with --sse aws:kms: use a bucket key, so that one request to KMS serves many objects")
	fs.StringVar(&k.customerKeyFile, "sse-c-key-file", "", "file with the key of server-side encryption with a customer key (SSE-C), 32 bytes or base64")
	fs.StringVar(&k.class, "storage-class", "", "storage class of what is written, such as STANDARD_IA (default: as the server decides)")
	fs.BoolVar(&k.requesterPays, "requester-pays", false, "pay for the requests to a bucket of another account")
}

// given names the first flag, or variable, that was set.
func (k *keepingFlags) given(env lookupEnv) string {
	switch {
	case k.sse.value != "":
		return "--sse"
	case k.kmsKey != "":
		return "--sse-kms-key-id"
	case k.bucketKey:
		return "--sse-bucket-key"
	case k.customerKeyFile != "":
		return "--sse-c-key-file"
	case env.get(customerKeyVariable) != "":
		return "$" + customerKeyVariable
	case k.class != "":
		return "--storage-class"
	case k.requesterPays:
		return "--requester-pays"
	}
	return ""
}

// keeping puts what the flags and the environment say above what the URL says.
func (a *app) keeping(o *s3.Options) (err error) {
	k := &a.flags.keeping
	e := &o.Encryption
	e.Algorithm = cmp.Or(k.sse.value, e.Algorithm)
	e.KMSKeyID = cmp.Or(k.kmsKey, e.KMSKeyID)
	e.BucketKey = e.BucketKey || k.bucketKey
	o.StorageClass = cmp.Or(k.class, o.StorageClass)
	o.RequesterPays = o.RequesterPays || k.requesterPays
	e.CustomerKey, err = a.customerKey()
	return err
}

// customerKey returns the key of SSE-C, or nil. Nothing of it gets into an error.
func (a *app) customerKey() (*s3.CustomerKey, error) {
	text, file := a.lookup.get(customerKeyVariable), a.flags.keeping.customerKeyFile
	switch {
	case text != "" && file != "":
		return nil, usage("$%s and --sse-c-key-file exclude each other", customerKeyVariable)
	case text != "":
		// Not the 32 bytes themselves: what can be written into a variable is no random key.
		key, err := s3.ParseCustomerKey([]byte(strings.TrimSpace(text) + "\n"))
		if err != nil {
			return nil, usage("$%s: not a key of 32 bytes in base64, such as of 'openssl rand -base64 32'", customerKeyVariable)
		}
		return key, nil
	case file == "":
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, usage("--sse-c-key-file: %s: %w", file, errors.Unwrap(err))
	}
	key, err := s3.ParseCustomerKey(data)
	if err != nil {
		return nil, usage("--sse-c-key-file: %s: %w", file, err)
	}
	return key, nil
}
