package hostile

import (
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// hang is a way in which a store hangs, for some of the commands.
type hang struct {
	name     string
	commands string
	// endpoint returns the address of a store that hangs in this way; g has the snapshot.
	endpoint func(t *testing.T, g *storetest.Server) string
	moves    bool // bytes keep arriving, so only --timeout ends the command
	stalls   int  // how many times the stall timeout the command takes
}

var hangs = []hang{
	{"before the answer", "restore save plan gc", halted("downstream", `"bytes":0`), false, 1},
	{"in the middle of a body", "restore", halted("downstream", `"bytes":300000`), false, 1},
	{"in the middle of an answer", "save plan gc", halted("downstream", `"bytes":60`), false, 1},
	// an upload is sent again as long as the server answers other requests
	{"in the middle of an upload", "save", halted("upstream", `"bytes":300000`), false, 3},
	{"one byte every 100 ms", "restore", halted("downstream", `"bytes":300000,"trickle":true`), true, 1},
	{"one byte every 100 ms from the beginning", "save plan gc", halted("downstream", `"bytes":0,"trickle":true`), true, 1},
	{"in the TLS handshake", "restore save plan gc", silent, false, 1},
}

func halted(direction, attributes string) func(*testing.T, *storetest.Server) string {
	return func(t *testing.T, g *storetest.Server) string {
		net := network(t, g)
		toxic(t, net, "stall", direction, attributes)
		return net.Endpoint
	}
}

// silent accepts connections and sends nothing.
func silent(t *testing.T, _ *storetest.Server) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	e2etest.Must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		var held []net.Conn // keep the connections, or the garbage collector would close them
		for {
			conn, err := l.Accept()
			if err != nil {
				break
			}
			held = append(held, conn)
		}
		for _, conn := range held {
			conn.Close()
		}
	}()
	return "https://" + l.Addr().String()
}

// smallParts makes several parts of the upload of a pack that has more than 5 MiB, as small ones of
// a save do not have.
const smallParts = "&part-size=5MiB"

// limit is the --timeout or --stall-timeout of these tests.
const limit = time.Second

// onTime demands that a command does not end before the limit, and ends within a second after it,
// plus the time that the process needs to start. A busy machine can be late; therefore a late
// command is run up to three times, and gets additional time in proportion to how much longer a
// process takes to start at that moment than on an idle machine, since a command starts several
// processes.
func onTime(t *testing.T, what string, limit, startup time.Duration, run func() ended) (e ended) {
	t.Helper()
	for try := 1; ; try++ {
		before := startNow(t)
		e = run()
		busy := max(0, before+startNow(t)-2*idleStart)
		late := e.took > limit+time.Second+startup+5*busy
		if e.took < limit || late && try == 3 {
			t.Errorf("%s: took %v with a limit of %v (a process takes %v to start): %v", what, e.took, limit, startup, e)
		}
		if !late || try == 3 {
			return e
		}
	}
}

// idleStart is how long a process takes to start on an idle machine, at most.
const idleStart = 100 * time.Millisecond

// startNow measures how long a process takes to start at this moment.
func startNow(t *testing.T) time.Duration {
	t.Helper()
	began := time.Now()
	e2etest.MustRun(t, exec.Command(shared.Binary, "version"))
	return time.Since(began)
}

// TestTimeLimits: whatever hangs, a command ends when --timeout has passed, or --stall-timeout
// without progress, and not a second later; it says so, and the job goes on.
func TestTimeLimits(t *testing.T) {
	g := storetest.Gateway(t)
	url, _ := bucket(t, g, "times", g.Endpoint)
	m := newMachine(t, url)
	m.env = g.Env()
	fill(t, m.build, 1, 12, 1<<20)
	unhindered := m.must(t, "save").took
	startup := max(finish(t, m.cmd("version")).took, idleStart)
	var all []func()
	tried := 0
	for _, h := range append(hangs, blackHole()...) {
		for command := range strings.FieldsSeq(h.commands) {
			for _, flag := range []string{"--timeout", "--stall-timeout"} {
				if h.moves && flag == "--stall-timeout" {
					continue
				}
				tried++
				what := fmt.Sprintf("%s, %s, %s", command, flag, h.name)
				one := m.fresh(t)
				if command == "save" {
					one.build = m.build
				}
				slack := startup
				// there must be something new to upload, and the time without progress starts when
				// it is compressed
				if h.name == "in the middle of an upload" {
					one.build, slack = t.TempDir(), startup+unhindered
					fill(t, one.build, 2, 1, 12<<20)
				}
				one.store = strings.Replace(m.store, g.Endpoint, h.endpoint(t, g), 1) + smallParts
				all = append(all, func() {
					wait := limit
					if flag == "--stall-timeout" {
						wait *= time.Duration(h.stalls)
						// pauses before the upload is sent again
						slack += time.Duration(h.stalls-1) * 200 * time.Millisecond
					}
					e := onTime(t, what, wait, slack, func() ended { return finish(t, one.cmd(command, flag, limit.String())) })
					says := "not done within 1s"
					if flag == "--stall-timeout" {
						says = "store does not answer"
					}
					code := 0
					if command == "plan" || command == "gc" {
						code = 1
					}
					if e.code != code || !strings.Contains(e.stderr, says) {
						t.Errorf("%s: want code %d and %q: %v", what, code, says, e)
					}
				})
			}
		}
	}
	together(8, all...)
	t.Logf("%d times, start of a process %v", tried, startup)
	if r := m.fresh(t); whole(t, m.build) != 12 {
		t.Error("the caches of save changed")
	} else if r.must(t, "restore"); whole(t, r.build) != 12 {
		t.Error("the snapshot is not whole any more")
	}
}
