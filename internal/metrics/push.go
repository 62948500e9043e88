package metrics

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/push"
	dto "github.com/prometheus/client_model/go"
)

// pushJob is the label job of what is pushed.
const pushJob = "gocache"

// Push adds a run to what a push gateway has of the same job: the group job="gocache", repo, name.
// A gateway only replaces values, so counters are read back before. Of two runs that end at the
// same moment one may so be lost, which is less harm than counters that never grow.
//
// Where they cannot be read, counters begin anew, and an error says so.
func Push(ctx context.Context, client *http.Client, gateway string, r Run) error {
	run, err := gather(r.Samples())
	if err != nil {
		return err
	}
	base, err := url.Parse(strings.TrimRight(gateway, "/"))
	if err != nil {
		return errors.New("push gateway: invalid URL")
	}
	user := base.User // goes into a header: errors have the URL
	base.User = nil
	before, readErr := readGateway(ctx, client, base, user, r)
	if readErr != nil {
		readErr = fmt.Errorf("push gateway: what it has cannot be read, so that counters begin anew: %w", bare(readErr))
	}
	all := merge(before, withoutJob(run), r.Ended)
	p := push.New(base.String(), pushJob).Grouping("repo", r.Repo).Grouping("name", r.Name).Client(client).
		Gatherer(prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return all, nil }))
	if user != nil {
		password, _ := user.Password()
		p = p.BasicAuth(user.Username(), password)
	}
	err = p.AddContext(ctx)
	if err != nil {
		return fmt.Errorf("push gateway: %w", bare(err))
	}
	return readErr
}

// errSilent: the context ended before the gateway had answered.
var errSilent = errors.New("it did not answer in time")

// bare takes the URL out of an error, which says nothing that the user does not know.
func bare(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return errSilent
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// withoutJob removes the labels that the group has.
func withoutJob(families []*dto.MetricFamily) []*dto.MetricFamily {
	for _, f := range families {
		for _, m := range f.Metric {
			m.Label = slices.DeleteFunc(m.Label, func(l *dto.LabelPair) bool { return slices.Contains(jobLabels, l.GetName()) })
		}
	}
	return families
}

// readGateway reads what the gateway has of the job of a run.
func readGateway(ctx context.Context, client *http.Client, gateway *url.URL, user *url.Userinfo, r Run) ([]*dto.MetricFamily, error) {
	page := gateway.JoinPath("metrics")
	page.User = user // becomes a header
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, page.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/plain")
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New(resp.Status)
	}
	families, err := parse(resp.Body, maxPage)
	if err != nil {
		return nil, err
	}
	return ofGroup(families, map[string]string{"job": pushJob, "repo": r.Repo, "name": r.Name}), nil
}

// ofGroup returns the series of a group, without its labels, and without instance, which a gateway
// adds.
func ofGroup(families []*dto.MetricFamily, group map[string]string) (list []*dto.MetricFamily) {
	for _, f := range families {
		f.Metric = slices.DeleteFunc(f.Metric, func(m *dto.Metric) bool {
			found := 0
			for _, l := range m.Label {
				if v, ok := group[l.GetName()]; ok && v == l.GetValue() {
					found++
				}
			}
			return found < len(group)
		})
		for _, m := range f.Metric {
			m.Label = slices.DeleteFunc(m.Label, func(l *dto.LabelPair) bool {
				_, ok := group[l.GetName()]
				return ok || l.GetName() == "instance"
			})
		}
		if len(f.Metric) > 0 {
			list = append(list, f)
		}
	}
	return list
}
