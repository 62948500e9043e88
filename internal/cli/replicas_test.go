package cli

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/stdtest"
	"github.com/org/gocache-action/internal/store/storetest"
)

// many is an upstream of many modules with random content.
type many struct{ files map[string][]byte } // by path

func newMany(t *testing.T, n int) *many {
	t.Helper()
	m := &many{map[string][]byte{}}
	random := rand.NewChaCha8([32]byte{})
	for i := range n {
		path := fmt.Sprintf("many.example/m%d", i)
		content := make([]byte, 100<<10)
		random.Read(content)
		mod := []byte("module " + path + "\n\ngo 1.20\n")
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for name, data := range map[string][]byte{"go.mod": mod, "data.bin": content} {
			w, err := z.Create(path + "@v1.0.0/" + name)
			if err != nil {
				t.Fatal(err)
			}
			w.Write(data)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		base := "/" + path + "/@v/v1.0.0"
		m.files[base+".zip"], m.files[base+".mod"] = b.Bytes(), mod
		m.files[base+".info"] = []byte(`{"Version":"v1.0.0"}`)
	}
	return m
}

func (m *many) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	data, ok := m.files[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Write(data)
}

// contents are the files of a zip, whose bytes may differ where these do not.
func contents(data []byte) (string, error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return "", err
	}
	sums := map[string][sha256.Size]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			return "", err
		}
		text, err := io.ReadAll(r)
		if err != nil {
			return "", err
		}
		sums[f.Name] = sha256.Sum256(text)
	}
	return fmt.Sprint(sums), nil // sorted
}

// replica is a proxy that can be killed.
type replica struct {
	t       *testing.T
	program string
	args    []string
	address string
	cmd     *exec.Cmd
}

func (r *replica) start() {
	r.t.Helper()
	r.cmd = exec.Command(r.program, append([]string{"proxy", "--quiet", "--listen", r.address}, r.args...)...)
	r.cmd.Stderr = os.Stderr
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	for range 1200 {
		if c, err := net.Dial("tcp", r.address); err == nil {
			c.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	r.t.Fatal("a replica does not start")
}

// end ends a replica by a signal.
func (r *replica) end(s os.Signal) error {
	r.cmd.Process.Signal(s)
	return r.cmd.Wait()
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestReplicas: of two proxies over one bucket one is killed at any moment, again and again, while
// clients ask both. What they get is right, and in the end all of it is in the bucket.
func TestReplicas(t *testing.T) {
	if testing.Short() || runtime.GOOS == "windows" {
		t.Skip("starts processes and an S3 server")
	}
	proxyEnv(t)
	gateway := storetest.Gateway(t)
	gateway.Bucket(t, "modules")
	gateway.Setenv(t)
	program, err := stdtest.Command()
	if err != nil {
		t.Fatal(err)
	}
	const n = 40
	m := newMany(t, n)
	upstream := httptest.NewServer(m)
	defer upstream.Close()
	newReplica := func(args ...string) *replica {
		args = append(args, "--store", gateway.URL("modules", "p"), "--upstream", upstream.URL, "--cache-dir", t.TempDir())
		return &replica{t: t, program: program, args: args, address: freeAddress(t)}
	}
	victim, other := newReplica(), newReplica()
	victim.start()
	other.start()

	ask := func(address, path string) (int, []byte, error) {
		resp, err := http.Get("http://" + address + path)
		if err != nil {
			return 0, nil, err
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		return resp.StatusCode, data, err
	}
	check := func(address, path string, must bool) {
		status, got, err := ask(address, path)
		if err != nil || status >= 500 {
			if must {
				t.Errorf("%s: status %d, %v: %s", path, status, err, got)
			}
			return
		}
		if status != 200 {
			t.Errorf("%s: status %d: %s", path, status, got)
			return
		}
		want := m.files[path]
		if strings.HasSuffix(path, ".zip") {
			a, err := contents(got)
			b, _ := contents(want)
			if err != nil || a != b {
				t.Errorf("%s is wrong: %v", path, err)
			}
		} else if !bytes.Equal(got, want) {
			t.Errorf("%s: %s", path, got)
		}
	}
	var clients sync.WaitGroup
	for c := range 4 {
		clients.Go(func() {
			for i := range n {
				base := fmt.Sprintf("/many.example/m%d/@v/v1.0.0", (i*7+c*10)%n)
				for _, suffix := range []string{".mod", ".info", ".zip"} {
					check(victim.address, base+suffix, false)
					check(other.address, base+suffix, true)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { clients.Wait(); close(done) }()
	kills, wait := 0, 50*time.Millisecond // clients on a fast machine are soon done
	for running := true; running; {
		select {
		case <-done:
			running = false
		case <-time.After(rand.N(wait)):
			victim.end(os.Kill)
			kills, wait = kills+1, 400*time.Millisecond
			victim.start()
		}
	}
	for _, r := range []*replica{victim, other} {
		if err := r.end(syscall.SIGTERM); err != nil {
			t.Errorf("a replica ended with %v", err)
		}
	}
	last := newReplica("--offline")
	last.start()
	defer last.end(os.Kill)
	for path := range m.files {
		check(last.address, path, true)
	}
	if kills == 0 {
		t.Error("none was killed")
	}
	t.Logf("%d kills", kills)
}
