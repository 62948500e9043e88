package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/redact"
	"github.com/org/gocache-action/internal/subprocess"
)

// DirectOptions are settings of the go command that asks repositories.
type DirectOptions struct {
	Dir   string   // the sandbox, which belongs to this process alone
	Env   []string // of the process: what may pass is taken from it
	Netrc string   // file with credentials for hosts; "": none
	// Anonymous says that no credentials are used, whatever Env and Netrc have. It is for modules
	// that everybody may ask for: their pages name the repository, which could be any that the
	// credentials open.
	Anonymous bool
	Limit     int // go commands at once; 0: 4
	Time      time.Duration
	Quota     int64 // bytes of disk that clones and modules may take; 0: 10 GiB
	Queue     int   // go commands that may wait; 0: 16 for each that may run
}

// Direct asks repositories by way of the go command, in a sandbox: its module cache, home directory
// and settings are not those of the user, it asks nothing on a terminal, switches to no other
// toolchain, and knows no proxy and no checksum database.
type Direct struct {
	o       DirectOptions
	env     []string
	running chan struct{}
	waiting atomic.Int64 // those that run included
	tidy    *tidier
}

// NewDirect makes the sandbox.
func NewDirect(o DirectOptions) (*Direct, error) {
	if o.Limit == 0 {
		o.Limit = 4
	}
	if o.Time == 0 {
		o.Time = 5 * time.Minute
	}
	if o.Quota == 0 {
		o.Quota = 10 << 30
	}
	if o.Queue == 0 {
		o.Queue = 16 * o.Limit
	}
	if o.Anonymous {
		o.Netrc = ""
	}
	if err := makeSandbox(o); err != nil {
		return nil, fmt.Errorf("sandbox of go commands: %w", err)
	}
	t := &tidier{root: o.Dir, quota: o.Quota}
	t.tidy()
	return &Direct{o: o, env: sandboxEnv(o), running: make(chan struct{}, o.Limit), tidy: t}, nil
}

// writeNetrc puts the credentials where git looks for them.
func writeNetrc(o DirectOptions) error {
	name := filepath.Join(o.Dir, "home", ".netrc")
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if o.Netrc == "" {
		return nil
	}
	data, err := os.ReadFile(o.Netrc)
	if err != nil {
		return err
	}
	return os.WriteFile(name, data, 0o600)
}

func (d *Direct) String() string { return "direct" }

// busyTime is when clients may come again for whom there was no room.
const busyTime = 30 * time.Second

// listed is what `go list -m -json` prints.
type listed struct {
	Version  string
	Time     *time.Time
	Versions []string
	GoMod    string
}

// List implements Source.
func (d *Direct) List(ctx context.Context, path string) ([]byte, error) {
	var m listed
	// Retracted versions are versions: who asks decides.
	err := d.run(ctx, path+"@latest", &m, nil, "list", "-m", "-json", "-versions", "-retracted")
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for _, v := range m.Versions {
		fmt.Fprintln(&out, v)
	}
	return out.Bytes(), nil
}

// Latest implements Source.
func (d *Direct) Latest(ctx context.Context, path string) ([]byte, error) {
	return d.Info(ctx, path, "latest")
}

// Info implements Source.
func (d *Direct) Info(ctx context.Context, path, query string) (info []byte, err error) {
	var m listed
	err = d.run(ctx, path+"@"+query, &m, func() error {
		info, err = d.info(path, m)
		return err
	}, "list", "-m", "-json")
	return info, err
}

// info returns the .info that the go command has kept, which has the Origin, or makes one.
func (d *Direct) info(path string, m listed) ([]byte, error) {
	base, err := modcache.DownloadName(module.Version{Path: path, Version: m.Version})
	if err != nil {
		return nil, err
	}
	name := filepath.Join(d.o.Dir, "mod", filepath.FromSlash(base)+".info")
	data, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return json.Marshal(struct {
			Version string
			Time    *time.Time `json:",omitempty"`
		}{m.Version, m.Time})
	}
	return data, err
}

// Mod implements Source.
func (d *Direct) Mod(ctx context.Context, v module.Version) (mod []byte, err error) {
	var m listed
	err = d.run(ctx, v.Path+"@"+v.Version, &m, func() error {
		if m.Version != v.Version || m.GoMod == "" {
			return fmt.Errorf("it has version %q, and go.mod %q", m.Version, m.GoMod)
		}
		mod, err = os.ReadFile(m.GoMod)
		return err
	}, "list", "-m", "-json")
	return mod, err
}

// Zip implements Source.
func (d *Direct) Zip(ctx context.Context, v module.Version, w Spool) error {
	var m struct{ Zip, Version string }
	return d.run(ctx, v.Path+"@"+v.Version, &m, func() error {
		if m.Version != v.Version {
			return fmt.Errorf("it has version %q", m.Version)
		}
		f, err := os.Open(m.Zip)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := rewind(w); err != nil {
			return err
		}
		_, err = io.Copy(w, f)
		return err
	}, "mod", "download", "-json")
}

// run runs a go command, decodes what it prints, and calls use while the files that it names are
// there. target is a module and a query, and comes last, so that it cannot be a flag.
func (d *Direct) run(ctx context.Context, target string, to any, use func() error, args ...string) error {
	fail := func(kind Kind, err error) error {
		return &Error{Kind: kind, Source: d.String(), What: target, Err: err}
	}
	if strings.HasPrefix(target, "-") {
		return fail(Absent, errors.New("not a module"))
	}
	defer d.waiting.Add(-1)
	if d.waiting.Add(1) > int64(d.o.Queue+d.o.Limit) {
		return &Error{Kind: Busy, Source: d.String(), What: target, After: busyTime, Err: errors.New("too many go commands wait")}
	}
	select {
	case d.running <- struct{}{}:
	case <-ctx.Done():
		return fail(Outage, context.Cause(ctx))
	}
	defer func() { <-d.running }()
	defer d.tidy.use()()
	ctx, cancel := context.WithTimeout(ctx, d.o.Time)
	defer cancel()
	ctx, full := context.WithCancelCause(ctx)
	defer full(nil)
	defer d.tidy.watch(full)()
	out, err := d.command(ctx, append(args, target))
	if err != nil {
		return fail(kindOfText(err), err)
	}
	if err := json.Unmarshal(out, to); err != nil {
		return fail(Outage, fmt.Errorf("go %s: %w", args[0], err))
	}
	if use != nil {
		if err := use(); err != nil {
			return fail(Outage, err)
		}
	}
	return nil
}

func (d *Direct) command(ctx context.Context, args []string) ([]byte, error) {
	cmd := subprocess.Command(ctx, "go", args...)
	cmd.Dir = filepath.Join(d.o.Dir, "work")
	cmd.Env = append(d.env, "PWD="+cmd.Dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := subprocess.Output(cmd)
	switch {
	case err == nil:
		return out, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	var said struct{ Error string } // by go mod download
	if json.Unmarshal(out, &said) != nil || said.Error == "" {
		said.Error = strings.TrimSpace(stderr.String())
	}
	if said.Error == "" {
		return nil, fmt.Errorf("go %s: %w", args[0], err)
	}
	return nil, errors.New(redact.Text(said.Error))
}
