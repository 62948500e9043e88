// Package image tests the Dockerfile: both of its images are built and run with buildah, which
// needs neither a daemon nor a registry. Their base is made by the test under the name of the Go
// image, from busybox and certificates. The Go installation of this machine is mounted where that
// image has one: buildah would copy it for each step.
package image

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// builder runs buildah with its own storage.
type builder struct {
	t      *testing.T
	root   string
	env    []string
	goroot string // the volume with Go
}

func newBuilder(t *testing.T) *builder {
	t.Helper()
	if testing.Short() {
		t.Skip("builds images")
	}
	if runtime.GOOS != "linux" {
		t.Skip("images are for linux")
	}
	for _, program := range []string{"buildah", "busybox", "tar"} {
		if _, err := exec.LookPath(program); err != nil && os.Getenv("CI") == "" {
			t.Skip(err)
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("chroot is for root")
	}
	b := &builder{t: t, root: t.TempDir()}
	conf := filepath.Join(b.root, "storage.conf")
	b.write("storage.conf", "[storage]\ndriver = \"vfs\"\nrunroot = \""+b.root+"/run\"\ngraphroot = \""+b.root+"/graph\"\n")
	b.write("policy.json", `{"default": [{"type": "insecureAcceptAnything"}]}`)
	b.env = append(os.Environ(), "CONTAINERS_STORAGE_CONF="+conf, "BUILDAH_ISOLATION=chroot", "TMPDIR="+b.root)
	t.Cleanup(func() { b.run("buildah", "rm", "--all") }) // unmounts
	return b
}

func (b *builder) write(name, text string) {
	b.t.Helper()
	path := filepath.Join(b.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func (b *builder) run(program string, args ...string) string {
	b.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = "../../..", b.env, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		b.t.Fatalf("%s %s: %v\n%s%s", program, strings.Join(args, " "), err, stdout.Bytes(), stderr.Bytes())
	}
	return strings.TrimSpace(stdout.String())
}

const baseFile = `FROM scratch
COPY base/ /
ENV PATH=/go/bin:/usr/local/go/bin:/usr/local/bin:/usr/bin:/bin GOPATH=/go GOTOOLCHAIN=local
WORKDIR /go
`

// base makes the image that the Dockerfile starts from. If busybox is dynamically linked, as in
// Debian's package busybox, its libraries are included.
func (b *builder) base() {
	b.t.Helper()
	script := `set -e
mkdir -p base/bin base/usr/local/go base/usr/bin base/etc/ssl/certs base/etc base/root base/tmp base/go base/var
echo 'root:x:0:0::/root:/bin/sh' >base/etc/passwd
chmod 1777 base/tmp base/go
cp "$(command -v busybox)" base/bin/busybox
for l in $(ldd base/bin/busybox 2>/dev/null | grep -o '/[^ ]*'); do mkdir -p base"${l%/*}"; cp -L "$l" base"$l"; done
for a in sh mkdir chmod cp cat id; do ln -s busybox base/bin/$a; done
cp /etc/ssl/certs/ca-certificates.crt base/etc/ssl/certs/`
	b.write("Base", baseFile)
	b.run("sh", "-c", "cd "+b.root+" && "+script)
	b.run("buildah", "bud", "--signature-policy", b.root+"/policy.json", "-q", "-f", b.root+"/Base", "-t", "docker.io/library/golang:1.26", b.root)
	b.goroot = b.run("go", "env", "GOROOT") + ":/usr/local/go:ro"
}

// build builds a target with the caches of this machine, so that nothing is compiled twice, and
// returns the ID of the image.
func (b *builder) build(target string) string {
	b.t.Helper()
	return b.run("buildah", "bud", "--signature-policy", b.root+"/policy.json", "--pull-never", "-q", "--target", target, "-t", "gocache:"+target,
		"--timestamp", "1700000000", "--build-arg", "VERSION=v1.2.3", "--build-arg", "REVISION=abc", "--build-arg", "TARGETARCH="+runtime.GOARCH,
		"-v", b.goroot, "-v", b.run("go", "env", "GOMODCACHE")+":/go/pkg/mod", "-v", b.run("go", "env", "GOCACHE")+":/root/.cache/go-build", ".")
}

// TestImages builds both images, and runs them as jobs do: each in a new container, as a user who
// does not exist in the image.
func TestImages(t *testing.T) {
	b := newBuilder(t)
	b.base()
	id := b.build("binary")
	b.build("go")
	if again := b.build("binary"); again != id {
		t.Errorf("the same sources made the images %s and %s", id, again)
	}
	var inspected struct {
		OCIv1 struct {
			Config struct {
				User       string
				Entrypoint []string
				Labels     map[string]string
			} `json:"config"`
		}
	}
	if err := json.Unmarshal([]byte(b.run("buildah", "inspect", "--type", "image", "gocache:binary")), &inspected); err != nil {
		t.Fatal(err)
	}
	image := inspected.OCIv1
	labels := image.Config.Labels
	if image.Config.User != "65532:65532" || strings.Join(image.Config.Entrypoint, " ") != "/gocache" ||
		labels["org.opencontainers.image.version"] != "v1.2.3" || labels["org.opencontainers.image.revision"] != "abc" || labels["org.opencontainers.image.source"] == "" {
		t.Errorf("image %+v", image.Config)
	}
	alone := b.run("buildah", "from", "--pull-never", "gocache:binary")
	if out := b.run("buildah", "run", alone, "--", "/gocache", "version"); !strings.Contains(out, "gocache v1.2.3\ncommit  abc\n") {
		t.Errorf("the binary alone says %s", out)
	}

	b.write("project/go.mod", "module example.com/m\n\ngo 1.26\n")
	b.write("project/m.go", "package m\n\nimport \"unicode/utf8\"\n\nvar _ = utf8.RuneError\n")
	if err := os.Mkdir(filepath.Join(b.root, "store"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(b.root, "store"), 0o777); err != nil {
		t.Fatal(err)
	}
	job := func() string {
		c := b.run("buildah", "from", "--pull-never", "gocache:go")
		defer b.run("buildah", "rm", c)
		return b.run("buildah", "run", "--user", "4711:4711", "-v", b.goroot, "-v", b.root+"/store:/store", "-v", b.root+"/project:/src", c, "--",
			"sh", "-c", "cd /src && id -u && export GOCACHE_ACTION_STORE=file:///store && gocache restore --fail-on-error && go build -v ./... 2>&1 && gocache save --fail-on-error --job-status success")
	}
	first := job()
	if !strings.HasPrefix(first, "4711") || !strings.Contains(first, "\nexample.com/m\n") || !strings.Contains(first, "saved in") {
		t.Errorf("the first job said\n%s", first)
	}
	second := job()
	if strings.Contains(second, "\nexample.com/m\n") || !strings.Contains(second, "snapshot of the same module files") || !strings.Contains(second, "nothing new to save") {
		t.Errorf("the second job, in a new container, said\n%s", second)
	}
	t.Run("build", func(t *testing.T) {
		one := *b
		one.t = t
		one.buildsTwice()
	})
}
