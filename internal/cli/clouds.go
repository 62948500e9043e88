package cli

import (
	"cmp"
	"context"
	"strings"

	"github.com/org/gocache-action/internal/ci"
	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/azblob"
	"github.com/org/gocache-action/internal/store/gcs"
	"github.com/org/gocache-action/internal/store/rest"
	"github.com/org/gocache-action/internal/usage"
)

// openAzure opens a container of Azure Blob Storage.
func openAzure(r *run, o azblob.Options) (store.Store, error) {
	if err := configureCloud(r, &o.Options, "azblob:// is Azure Blob Storage"); err != nil {
		return nil, err
	}
	o.Credentials = azureCredentials(r)
	st, err := azblob.New(o)
	if err != nil {
		return nil, err
	}
	debugStore(r, st, nil)
	return st, nil
}

// openGoogle opens a bucket of Google Cloud Storage.
func openGoogle(r *run, o gcs.Options) (store.Store, error) {
	if err := configureCloud(r, &o.Options, "gs:// is Google Cloud Storage"); err != nil {
		return nil, err
	}
	st, err := gcs.New(o)
	if err != nil {
		return nil, err
	}
	debugStore(r, st, nil)
	return st, nil
}

// configureCloud fills in what all services have. what names the store that refuses settings of S3.
func configureCloud(r *run, o *rest.Options, what string) error {
	o.StallTimeout, o.Concurrency = r.cfg.StallTimeout, uploadsOf(r, o.Concurrency, o.PartSize)
	if r.out.debug {
		o.Trace = traceWeb(r.out)
	}
	return refuseS3(r.cfg, what)
}

// refuseS3 refuses settings that another store would ignore: whoever gives them relies on them.
func refuseS3(cfg *config.Config, what string) error {
	if err := refuseKey(cfg, what); err != nil {
		return err
	}
	if cfg.Role != "" {
		return usage.Errorf("a role to assume is for stores in S3, and %s", what)
	}
	return nil
}

// uploadsOf is how many uploads run at once: as the configuration says, the URL of the store, or
// the memory of the machine.
func uploadsOf(r *run, ofURL int, partSize int64) int {
	n := cmp.Or(r.cfg.Concurrency, ofURL)
	if n == 0 && partSize == 0 {
		n = r.memory.uploads
	}
	return n
}

// Variables with credentials for Azure, as its own tools have them.
const (
	azureSASVariable       = "AZURE_STORAGE_SAS_TOKEN"
	azureKeyVariable       = "AZURE_STORAGE_KEY"
	azureClientVariable    = "AZURE_CLIENT_ID"
	azureTenantVariable    = "AZURE_TENANT_ID"
	azureSecretVariable    = "AZURE_CLIENT_SECRET"
	azureTokenFileVariable = "AZURE_FEDERATED_TOKEN_FILE"
)

// azureCredentials are those of the environment. The token of the job comes from a file that
// somebody else renews, from a variable, or from the runner of GitHub.
func azureCredentials(r *run) azblob.Credentials {
	c := azblob.Credentials{
		SAS: strings.TrimSpace(r.env(azureSASVariable)), Key: strings.TrimSpace(r.env(azureKeyVariable)),
		ClientID: r.env(azureClientVariable), TenantID: r.env(azureTenantVariable),
	}
	token := strings.TrimSpace(r.env(config.TokenVariable))
	switch file := r.env(azureTokenFileVariable); {
	case r.env(azureSecretVariable) != "":
	case file != "":
		c.Token = azblob.TokenFile(file)
	case token != "":
		c.Token = func(context.Context) (string, error) { return token, nil }
	case r.tokens != nil && ci.MayAskForToken(r.env):
		c.Token = func(ctx context.Context) (string, error) { return r.tokens(ctx, azblob.Audience) }
	}
	return c
}
