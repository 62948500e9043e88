package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	accessKey = "scale-access-key"
	secretKey = "scale-secret-key"
	bucket    = "scale"
)

// server is a versitygw, whose objects are files.
type server struct {
	cmd      *exec.Cmd
	dir, log string
	endpoint string
}

func startServer(ctx context.Context, binary, dir string) (*server, error) {
	s := &server{dir: filepath.Join(dir, "data"), log: filepath.Join(dir, "access.log")}
	if err := os.MkdirAll(filepath.Join(s.dir, bucket), 0o755); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().String()
	l.Close()
	s.endpoint = "http://" + addr
	s.cmd = exec.Command(binary, "--port", addr, "--quiet", "--keep-alive", "--health", "/healthz", "--access-log", s.log, "posix", s.dir)
	s.cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+accessKey, "ROOT_SECRET_KEY="+secretKey)
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	for range 200 {
		resp, err := http.Get(s.endpoint + "/healthz")
		if err == nil {
			resp.Body.Close()
			return s, nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			s.close()
			return nil, ctx.Err()
		}
	}
	s.close()
	return nil, fmt.Errorf("%s does not answer", binary)
}

func (s *server) close() {
	_ = s.cmd.Process.Signal(os.Interrupt)
	timer := time.AfterFunc(5*time.Second, func() { _ = s.cmd.Process.Kill() })
	defer timer.Stop()
	_ = s.cmd.Wait()
}

// url is the store at a prefix.
func (s *server) url(prefix string) string {
	q := url.Values{"region": {"us-east-1"}, "endpoint": {s.endpoint}, "path-style": {"true"}}
	return "s3://" + bucket + "/" + prefix + "?" + q.Encode()
}

func (s *server) env() []string {
	return []string{"AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + secretKey, "AWS_EC2_METADATA_DISABLED=true"}
}

// manifest returns the size of the largest manifest at a prefix, and the number of objects and
// their bytes.
func (s *server) stored(prefix string) (manifest int64, objects int, bytes int64, err error) {
	err = filepath.WalkDir(filepath.Join(s.dir, bucket, prefix), func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		objects++
		bytes += info.Size()
		if strings.Contains(filepath.ToSlash(file), "/snapshots/") {
			manifest = max(manifest, info.Size())
		}
		return nil
	})
	return manifest, objects, bytes, err
}

// requests counts the requests since the start of the server, by operation, and among them those
// that were refused because another job was faster.
func (s *server) requests() (kinds map[string]int, conflicts int, err error) {
	time.Sleep(200 * time.Millisecond) // a line is written after the answer was sent
	f, err := os.Open(s.log)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	return countLog(f)
}

func countLog(r io.Reader) (kinds map[string]int, conflicts int, err error) {
	kinds = map[string]int{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		// owner bucket [time] address requester id operation key URI status ...
		_, rest, _ := strings.Cut(lines.Text(), "] ")
		f := strings.Fields(rest)
		if len(f) < 7 {
			continue
		}
		kinds[strings.TrimPrefix(f[3], "s3_")]++
		if f[6] == "412" || f[6] == "409" {
			conflicts++
		}
	}
	return kinds, conflicts, lines.Err()
}
