package doctor

import (
	"context"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/org/gocache-action/internal/checksumdb"
	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/goproxy"
	"github.com/org/gocache-action/internal/quantity"
)

// How far a clock may be wrong. Signatures of requests and tokens are refused from 5 to 15 minutes
// on.
const (
	clockWarns = 2 * time.Minute
	clockFails = 10 * time.Minute
)

// reading is what a server says of the time.
type reading struct {
	host  string
	ahead time.Duration // of the server, before the clock here
}

// checkClock: the clock agrees with those of servers that are asked anyway.
func checkClock(ctx context.Context, f *Facts) []finding.Finding {
	if f.EnvErr != nil {
		return nil
	}
	servers := servers(f)
	results := make([]*reading, len(servers))
	var all sync.WaitGroup
	for i, u := range servers {
		all.Go(func() { results[i] = readClock(f, ctx, u) })
	}
	all.Wait()
	var list []reading
	for _, r := range results {
		if r != nil {
			list = append(list, *r)
		}
	}
	return []finding.Finding{judgeClock(list)}
}

// servers are those whose clocks are read.
func servers(f *Facts) (list []*url.URL) {
	for _, e := range goproxy.Split(f.Env["GOPROXY"]) {
		if e.Name == "off" {
			return list
		}
		if u, err := url.Parse(e.Name); err == nil && u.Host != "" {
			list = append(list, &url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/"})
		}
	}
	if id, err := checksumdb.Identify(f.Env["GOSUMDB"]); err == nil {
		list = append(list, &url.URL{Scheme: "https", Host: id.Name, Path: "/latest"})
	}
	return list
}

// readClock asks one server for the time, which each answer has. nil: it does not say.
func readClock(f *Facts, ctx context.Context, u *url.URL) *reading {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, u.String(), nil)
	if err != nil {
		return nil
	}
	req.Header.Set("Cache-Control", "no-cache")
	before := f.Now()
	resp, err := f.client.Transport.RoundTrip(req) // a redirect has the time as well
	after := f.Now()
	if err != nil {
		return nil
	}
	resp.Body.Close()
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return nil
	}
	// what a cache has kept was dated when it was made
	age, _ := strconv.Atoi(resp.Header.Get("Age"))
	date = date.Add(time.Duration(age) * time.Second)
	return &reading{u.Host, date.Sub(before.Add(after.Sub(before) / 2))}
}

// setClock is the command that sets the clock of a system, or has it set from now on.
func setClock(goos string) finding.Remedy {
	switch goos {
	case "darwin":
		return finding.Run("sudo sntp -sS time.apple.com")
	case "windows":
		return finding.Run("w32tm /resync").With("as an administrator")
	}
	return finding.Run("sudo timedatectl set-ntp true")
}

// judgeClock believes a server that is ahead. That all are behind may be the answer of a cache, if
// there are not two of them that agree.
func judgeClock(list []reading) finding.Finding {
	if len(list) == 0 {
		return unknown("no server tells the time")
	}
	best := list[0]
	for _, r := range list {
		if r.ahead > best.ahead {
			best = r
		}
	}
	off, bad := best.ahead.Abs(), finding.Warnf
	if off >= clockFails {
		bad = finding.Failf
	}
	remedy := setClock(runtime.GOOS)
	switch {
	case off < clockWarns:
		return finding.Okf("within %v of %s", max(off.Round(time.Second), time.Second), best.host)
	case best.ahead > 0:
		return bad(remedy, "the clock is %v behind that of %s: tokens and signed requests are refused", off.Round(time.Second), best.host)
	case len(list) < 2:
		return unknown("the clock is %v ahead of what %s says, which may be an old answer", off.Round(time.Second), best.host)
	}
	return bad(remedy, "the clock is %v ahead of that of %s and of %s: tokens and signed requests are refused", off.Round(time.Second), best.host, quantity.Counted(len(list)-1, "more server"))
}
