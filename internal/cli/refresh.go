package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/proxy"
	"github.com/org/gocache-action/internal/proxy/settings"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/usage"
)

const refreshLong = `Refresh makes a proxy forget what it knows of the versions of a module, so that a
tag that was pushed a moment ago is there at once. Of several replicas each has to
be told: give --server more than once.

For a private module the token is that of the host in .netrc, as for the go
command: with the port, if the URL has one.`

// refreshCommand describes the command line.
func refreshCommand(c commands) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "refresh MODULE...",
		Short:   "Have a proxy ask anew for the versions of a module",
		Long:    refreshLong,
		Example: "  gocache proxy refresh --server https://goproxy.example.com corp.example.com/team/lib",
		Args:    need(1, -1, "the path of a module"),
	}
	return c.add(cmd, config.Refresh, refreshJob)
}

// refreshed is what refresh prints.
type refreshed []refreshedModule

type refreshedModule struct {
	Module   string `json:"module"`
	Server   string `json:"server"`
	Versions int    `json:"versions"`
	Newest   string `json:"newest,omitempty"`
}

// refreshTime is how long one proxy may take for one module.
const refreshTime = 2 * time.Minute

func refreshJob(ctx context.Context, r *run, args []string) error {
	servers := r.cfg.Proxy.Server
	if len(servers) == 0 {
		servers = []string{"http://localhost:3000"}
	}
	out, failed := refreshed{}, []error(nil)
	for _, server := range servers {
		u, err := url.Parse(server)
		if err != nil || u.Host == "" {
			return usage.Errorf("--server: want a URL such as http://localhost:3000")
		}
		if u.User == nil {
			u.User = netrcLogin(netrcFile(settings.Settings{}, r), u.Host)
		}
		for _, path := range args {
			m, err := refresh(ctx, u, path)
			if err != nil {
				failed = append(failed, err)
				continue
			}
			out = append(out, m)
		}
	}
	if err := r.out.result(out, out.write); err != nil {
		return err
	}
	return errors.Join(failed...)
}

// refresh asks one proxy for the versions of a module, as they are now.
func refresh(ctx context.Context, server *url.URL, path string) (m refreshedModule, err error) {
	ctx, cancel := context.WithTimeout(ctx, refreshTime)
	defer cancel()
	bare := *server
	bare.User = nil
	m = refreshedModule{Module: path, Server: bare.String()}
	esc, err := module.EscapePath(path)
	if err != nil {
		return m, usage.Wrap(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.JoinPath(esc, "@v", "list").String(), nil)
	if err != nil {
		return m, usage.Errorf("--server: invalid URL")
	}
	req.Header.Set("Cache-Control", "no-cache")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return m, fmt.Errorf("%s: %w", m.Server, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return m, fmt.Errorf("%s: %w", m.Server, err)
	}
	if resp.StatusCode != http.StatusOK {
		return m, fmt.Errorf("%s: %s: %s", m.Server, path, strings.TrimSpace(string(data)))
	}
	if resp.Header.Get(proxy.StaleHeader) != "" {
		return m, fmt.Errorf("%s: %s: its upstream does not answer, so the list may be out of date", m.Server, path)
	}
	versions := strings.Fields(string(data))
	if m.Versions = len(versions); m.Versions > 0 {
		m.Newest = slices.MaxFunc(versions, semver.Compare)
	}
	return m, nil
}

func (list refreshed) write(w io.Writer) error {
	t := report.Table{Head: []string{"module", "server", "versions", "newest"}}
	for _, m := range list {
		t.Rows = append(t.Rows, []string{m.Module, m.Server, quantity.Count(int64(m.Versions)), m.Newest})
	}
	return t.Write(w)
}
