package storeurl

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/org/gocache-action/internal/store/azblob"
	"github.com/org/gocache-action/internal/store/gcs"
	"github.com/org/gocache-action/internal/store/rest"
)

// credentialsOf says where the credentials for a scheme come from.
func credentialsOf(scheme string) string {
	switch scheme {
	case "azblob":
		return "AZURE_CLIENT_ID and AZURE_TENANT_ID with the token of the job, or AZURE_STORAGE_SAS_TOKEN"
	case "gs", "gcs":
		return "GOOGLE_APPLICATION_CREDENTIALS"
	}
	return "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile"
}

// errSecret is for what would be printed, and is in the logs of proxies.
var errSecret = errors.New("a secret does not belong in the URL of a store; set AZURE_STORAGE_SAS_TOKEN or AZURE_STORAGE_KEY")

// minPartSize is where parts begin to cost more requests than they save memory.
const minPartSize = 256 << 10

func parseAzure(u *url.URL) (Target, error) {
	prefix, q, err := address(u, "container")
	if err != nil {
		return Target{}, err
	}
	o := &azblob.Options{Container: u.Host, Options: rest.Options{Prefix: prefix}}
	err = each(q, func(name, value string) (err error) {
		switch name {
		case "account":
			o.Account = value
		case "part-size":
			if o.PartSize, err = partSize(value); err == nil && o.PartSize < minPartSize {
				err = fmt.Errorf("%s is less than 256KiB", value)
			}
		case "sig", "sv", "se", "sp", "sas", "key", "account-key":
			err = errSecret
		default:
			err = setCommon(&o.Options, name, value, "account, ")
		}
		return err
	})
	if err == nil && o.Account == "" {
		err = errors.New("no storage account; write azblob://container/prefix?account=NAME")
	}
	if err != nil {
		return Target{}, err
	}
	return Target{Azure: o}, nil
}

// setCommon stores a parameter that all services have. others are the names of those that the
// service has besides.
func setCommon(o *rest.Options, name, value, others string) (err error) {
	switch name {
	case "endpoint":
		o.Endpoint, err = endpoint(value)
	case "concurrency":
		o.Concurrency, err = concurrency(value)
	default:
		err = errors.New("unknown; there are " + others + "endpoint, part-size, concurrency")
	}
	return err
}

func parseGoogle(u *url.URL) (Target, error) {
	prefix, q, err := address(u, "bucket")
	if err != nil {
		return Target{}, err
	}
	if u.Scheme == "gcs" {
		return Target{}, errors.New("the scheme of Google Cloud Storage is gs, as in gs://bucket/prefix")
	}
	o := &gcs.Options{Bucket: u.Host, Options: rest.Options{Prefix: prefix}}
	err = each(q, func(name, value string) (err error) {
		switch name {
		case "part-size":
			if o.PartSize, err = partSize(value); err == nil && (o.PartSize < gcs.PartUnit || o.PartSize%gcs.PartUnit != 0) {
				err = fmt.Errorf("%s is not a multiple of 256KiB, as Google asks for", value)
			}
		default:
			err = setCommon(&o.Options, name, value, "")
		}
		return err
	})
	if err != nil {
		return Target{}, err
	}
	return Target{Google: o}, nil
}
