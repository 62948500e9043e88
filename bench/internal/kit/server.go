package kit

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Credentials of the S3 server, which exists only during the run.
const (
	AccessKey = "bench"
	SecretKey = "bench-secret"
)

// Server is a versitygw, which stores objects as files.
type Server struct {
	Dir      string // one directory for each bucket
	Endpoint string // http://HOST:PORT

	cmd *exec.Cmd
	log *os.File // what has been read of it has been counted
}

// ServerOptions say how to start a server.
type ServerOptions struct {
	Binary string
	Dir    string   // for the buckets
	Log    string   // file for its access log
	Addr   string   // HOST:PORT to listen at; empty: a free port of this machine
	Enter  []string // prefix of the command line that enters a namespace
	Env    []string
	// Ready waits until the server answers; by default, as this process sees it.
	Ready func(ctx context.Context, addr string) error
}

// StartServer starts a server, and waits until it answers. The server ends with this process.
func StartServer(ctx context.Context, o ServerOptions) (*Server, error) {
	if o.Addr == "" {
		addr, err := FreeAddr()
		if err != nil {
			return nil, err
		}
		o.Addr = addr
	}
	if o.Ready == nil {
		o.Ready = Answers
	}
	err := errors.Join(os.MkdirAll(o.Dir, 0o755), os.WriteFile(o.Log, nil, 0o644))
	if err != nil {
		return nil, err
	}
	s := &Server{Dir: o.Dir, Endpoint: "http://" + o.Addr}
	argv := append(slices.Clone(o.Enter), "setpriv", "--pdeathsig", "TERM", "--",
		o.Binary, "--port", o.Addr, "--quiet", "--keep-alive", "--health", "/healthz", "--access-log", o.Log, "posix", o.Dir)
	s.cmd = exec.Command(argv[0], argv[1:]...)
	s.cmd.Env = append(slices.Clone(o.Env), "ROOT_ACCESS_KEY="+AccessKey, "ROOT_SECRET_KEY="+SecretKey)
	if s.log, err = os.Open(o.Log); err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, errors.Join(err, s.log.Close())
	}
	if err := o.Ready(ctx, o.Addr); err != nil {
		s.Close()
		return nil, fmt.Errorf("%s: %w", o.Binary, err)
	}
	return s, nil
}

// FreeAddr returns HOST:PORT of this machine where nothing listens.
func FreeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// Answers waits, for up to 10 s, until a server at HOST:PORT says that it is healthy.
func Answers(ctx context.Context, addr string) error {
	for range 200 {
		resp, err := http.Get("http://" + addr + "/healthz")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return errors.New("it does not answer")
}

// Close stops the server.
func (s *Server) Close() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.log.Close()
}

// URL returns the URL of the store at a prefix of a bucket.
func (s *Server) URL(bucket, prefix string) string {
	q := url.Values{"region": {"us-east-1"}, "endpoint": {s.Endpoint}, "path-style": {"true"}}
	return "s3://" + bucket + "/" + prefix + "?" + q.Encode()
}

// Credentials returns the variables with which commands use the server.
func Credentials() []string {
	return []string{"AWS_ACCESS_KEY_ID=" + AccessKey, "AWS_SECRET_ACCESS_KEY=" + SecretKey, "AWS_EC2_METADATA_DISABLED=true"}
}

// NewBucket makes an empty bucket, and removes any earlier one.
func (s *Server) NewBucket(name string) error {
	dir := filepath.Join(s.Dir, name)
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Mkdir(dir, 0o755)
}

// clockTicks is the unit of /proc/PID/stat: USER_HZ is 100 on every architecture that Go supports.
const clockTicks = 100

// CPU returns the processor time that the server has used so far, in seconds.
func (s *Server) CPU() (float64, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	// The name of the command, in parentheses, may contain spaces; utime and stime are the 14th and
	// the 15th field, that is, the 12th and the 13th after the name (proc(5)).
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("unexpected /proc/PID/stat: %s", stat)
	}
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	return float64(user+system) / clockTicks, errors.Join(err1, err2)
}

// Requests counts requests by operation, such as "GetObject". Conflicts are those of them that were
// refused because another job was faster.
type Requests struct {
	Kinds     map[string]int
	Conflicts int
}

// Requests counts the requests since the last call.
func (s *Server) Requests() (Requests, error) {
	// A line is written after the answer was sent, so the last one may come late.
	time.Sleep(200 * time.Millisecond)
	return countRequests(s.log)
}

// countRequests reads a log in the format of S3 server access logs. It skips lines without an
// operation.
func countRequests(r io.Reader) (Requests, error) {
	count := Requests{Kinds: map[string]int{}}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		// owner bucket [time] address requester id operation key URI status ...
		_, rest, _ := strings.Cut(lines.Text(), "] ")
		f := strings.Fields(rest)
		if len(f) < 7 {
			continue
		}
		count.Kinds[strings.TrimPrefix(f[3], "s3_")]++
		if f[6] == "412" || f[6] == "409" {
			count.Conflicts++
		}
	}
	return count, lines.Err()
}

// Object describes an object as a file of the server.
type Object struct {
	Size    int64
	Written time.Time
}

// Objects lists a bucket, or a directory in it, by name.
func (s *Server) Objects(bucket string, below ...string) (map[string]Object, error) {
	list := map[string]Object{}
	root := filepath.Join(s.Dir, bucket)
	err := filepath.WalkDir(filepath.Join(append([]string{root}, below...)...), func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".sgwtmp": // parts of unfinished uploads
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		list[strings.TrimPrefix(file, root+"/")] = Object{info.Size(), info.ModTime()}
		return nil
	})
	return list, err
}
