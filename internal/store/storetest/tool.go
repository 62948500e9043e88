package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// tool is a program that tests run, built from a module that is listed in a go.mod below tools, or
// from the sources beside that go.mod.
type tool struct {
	name    string // of the program
	modfile string // below tools
	module  string
	pkg     string // main package
}

var (
	versitygw = tool{"versitygw", "go.mod", "github.com/versity/versitygw", "github.com/versity/versitygw/cmd/versitygw"}
	gofakes3  = tool{"gofakes3", "gofakes3/go.mod", "github.com/johannesboyne/gofakes3", "github.com/johannesboyne/gofakes3/cmd/gofakes3"}
	minio     = tool{"minio", "minio/go.mod", "github.com/minio/minio", "github.com/minio/minio"}
	rclone    = tool{"rclone", "rclone/go.mod", "github.com/rclone/rclone", "."}
	fakegcs   = tool{"fakegcs", "fakegcs/go.mod", "github.com/fsouza/fake-gcs-server", "github.com/fsouza/fake-gcs-server"}
	toxiproxy = tool{"toxiproxy", "toxiproxy/go.mod", "github.com/Shopify/toxiproxy/v2", "."}
)

// variable names an environment variable with the path of a ready program, which is then run
// instead of building one: GOCACHE_TEST_VERSITYGW for versitygw.
func (l tool) variable() string { return "GOCACHE_TEST_" + strings.ToUpper(l.name) }

// What the machine says is looked up before a test can change HOME, or the directory that a
// relative path starts from.
var (
	given                   = givenTools(versitygw, gofakes3, minio, rclone, fakegcs, toxiproxy)
	userCache, userCacheErr = os.UserCacheDir()
	startEnv                = os.Environ()
	startDir, startDirErr   = os.Getwd()
)

func givenTools(tools ...tool) map[string]string {
	given := map[string]string{}
	for _, l := range tools {
		given[l.name] = absolute(os.Getenv(l.variable()))
	}
	return given
}

// absolute leaves "" as it is.
func absolute(path string) string {
	if full, err := filepath.Abs(path); path != "" && err == nil {
		return full
	}
	return path
}

// binary returns the path of the program in the version of its go.mod. The first use on a machine
// builds it.
func (l tool) binary() (string, error) {
	if path := given[l.name]; path != "" {
		return path, nil
	}
	if userCacheErr != nil {
		return "", userCacheErr
	}
	modfile, err := l.file()
	if err != nil {
		return "", err
	}
	version, err := l.version(modfile)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(userCache, "gocache-action-tools")
	path := filepath.Join(dir, l.name+"-"+version)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	// Test processes of several packages start at once; one of them builds.
	lock := flock.New(path + ".lock")
	if err := lock.Lock(); err != nil {
		return "", err
	}
	defer lock.Unlock()
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if _, err := goCommand(modfile, "build", "-ldflags=-s -w", "-o", path+".tmp", l.pkg); err != nil {
		return "", err
	}
	return path, os.Rename(path+".tmp", path)
}

// version is that of the module, with a hash of the sources beside the go.mod if the program is
// made of these.
func (l tool) version(modfile string) (string, error) {
	version, err := goCommand(modfile, "list", "-m", "-f", "{{.Version}}", l.module)
	if err != nil || l.pkg != "." {
		return version, err
	}
	sources, err := filepath.Glob(filepath.Join(filepath.Dir(modfile), "*.go"))
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, file := range append(sources, modfile) {
		data, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%d\n%s", len(data), data)
	}
	return fmt.Sprintf("%s-%x", version, h.Sum(nil)[:4]), nil
}

// file finds tools above the directory in which the test process was started, which is that of its
// package: a test may have changed the directory, GOFLAGS or HOME since.
func (l tool) file() (string, error) {
	if startDirErr != nil {
		return "", startDirErr
	}
	for dir := startDir; ; dir = filepath.Dir(dir) {
		file := filepath.Join(dir, "tools", filepath.FromSlash(l.modfile))
		if _, err := os.Stat(file); err == nil {
			return file, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no tools/%s above %s", l.modfile, startDir)
		}
	}
}

// goCommand runs go with the caches and settings of the machine, not those of the test, which
// may point GOMODCACHE or GOPROXY anywhere.
func goCommand(modfile string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = filepath.Dir(modfile)
	cmd.Env = append(slices.Clone(startEnv), "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return strings.TrimSpace(string(out)), nil
}
