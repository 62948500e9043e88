package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const serverPort = "7079"

// clockTicks is the unit of /proc/PID/stat: USER_HZ is 100 on every architecture that Go supports.
const clockTicks = 100

// server is a versitygw that keeps its objects as files on the file system of the lab.
type server struct {
	cmd       *exec.Cmd
	dir       string // one subdirectory a bucket
	log       *os.File
	endpoint  string
	roundTrip string // of a TCP handshake, as measured
}

func startServer(ctx context.Context, l *lab, k *link) (*server, error) {
	if err := l.emptyDir("store"); err != nil {
		return nil, err
	}
	s := &server{dir: l.path("store"), endpoint: "http://" + k.host + ":" + serverPort}
	logFile := l.path("access.log")
	if err := os.WriteFile(logFile, nil, 0o644); err != nil {
		return nil, err
	}
	argv := append(append([]string{}, k.server...), "setpriv", "--pdeathsig", "TERM", "--",
		l.path("bin", "versitygw"), "--port", k.host+":"+serverPort, "--quiet", "--keep-alive", "--access-log", logFile, "posix", s.dir)
	s.cmd = exec.Command(argv[0], argv[1:]...)
	s.cmd.Env = append(l.env, "ROOT_ACCESS_KEY="+accessKey, "ROOT_SECRET_KEY="+secretKey)
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	var err1, err2 error
	s.log, err1 = os.Open(logFile)
	s.roundTrip, err2 = k.roundTrip(ctx, l, serverPort)
	if err := errors.Join(err1, err2); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *server) close() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	if s.log != nil {
		s.log.Close()
	}
}

// newBucket makes an empty bucket, and removes what was in it.
func (s *server) newBucket(name string) error {
	dir := filepath.Join(s.dir, name)
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Mkdir(dir, 0o755)
}

// cpu returns the processor time that the server has used so far, in seconds.
func (s *server) cpu() (float64, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	// The name of the command, in parentheses, may hold spaces; utime and stime are the
	// 14th and the 15th field, that is the 12th and the 13th after the name (proc(5)).
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("unexpected /proc/PID/stat: %s", stat)
	}
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	return float64(user+system) / clockTicks, errors.Join(err1, err2)
}

// requests counts the requests since the last call, by kind.
func (s *server) requests() (map[string]int, error) {
	// A line is written after the answer was sent; the last one may come late.
	time.Sleep(100 * time.Millisecond)
	return countRequests(s.log)
}

// countRequests reads a log in the format of S3 server access logs, and returns the number
// of lines by operation, such as "GetObject". Lines without an operation are skipped.
func countRequests(r io.Reader) (map[string]int, error) {
	counts := map[string]int{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		// owner bucket [time] address requester id operation key ...
		_, rest, _ := strings.Cut(lines.Text(), "] ")
		if f := strings.Fields(rest); len(f) > 3 {
			counts[strings.TrimPrefix(f[3], "s3_")]++
		}
	}
	return counts, lines.Err()
}

// stored describes one object as it lies in the file system of the server.
type stored struct {
	size    int64
	written time.Time
}

// objects lists a bucket, by name.
func (s *server) objects(bucket string) (map[string]stored, error) {
	list := map[string]stored{}
	root := filepath.Join(s.dir, bucket)
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
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
		list[strings.TrimPrefix(file, root+"/")] = stored{info.Size(), info.ModTime()}
		return nil
	})
	return list, err
}

// change sums up what two listings of a bucket differ in.
type change struct {
	Stored   int64 `json:"stored"`   // bytes of all objects after
	Uploaded int64 `json:"uploaded"` // bytes of the objects that are new or were replaced
	Objects  int   `json:"objects"`  // number of all objects after
	Written  int   `json:"written"`  // number of objects that are new or were replaced
	// Names has the first few of the written objects, sorted.
	Names []string `json:"names,omitempty"`
}

func compare(before, after map[string]stored) change {
	c := change{Objects: len(after)}
	for name, o := range after {
		c.Stored += o.size
		if was, ok := before[name]; !ok || was != o {
			c.Uploaded += o.size
			c.Names = append(c.Names, name)
		}
	}
	c.Written = len(c.Names)
	slices.Sort(c.Names)
	c.Names = c.Names[:min(c.Written, 10)]
	return c
}
