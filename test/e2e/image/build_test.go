package image

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/org/gocache-action/internal/store/storetest"
)

// buildsTwice runs the Dockerfile of examples/docker on two machines that share nothing but a
// bucket: the second compiles nothing, and neither leaves in the image what it was given as a
// secret. A build without the secret is one without a cache.
func (b *builder) buildsTwice() {
	g := storetest.Gateway(b.t)
	g.Bucket(b.t, "images")
	secrets := "GOCACHE_ACTION_STORE=" + g.URL("images", "") + "\nGOCACHE_ACTION_REPO=example.com/shop\nGOCACHE_ACTION_SCOPE=refs/heads/main\n" +
		"GOCACHE_ACTION_NAME=image\nAWS_ACCESS_KEY_ID=" + g.AccessKey + "\nAWS_SECRET_ACCESS_KEY=" + g.SecretKey + "\n"
	b.write("gocache.env", secrets)
	b.run("buildah", "tag", "gocache:binary", "ghcr.io/org/gocache-action:v1")

	first := b.example("first", "--secret", "id=gocache,src="+b.root+"/gocache.env")
	if !strings.Contains(first, "no snapshot found for image/") || !strings.Contains(first, "saved in refs/heads/main") {
		b.t.Errorf("the first build said\n%s", first)
	}
	second := b.example("second", "--secret", "id=gocache,src="+b.root+"/gocache.env")
	if !strings.Contains(second, "snapshot of the same module files in refs/heads/main") || !strings.Contains(second, "nothing new to save") {
		b.t.Errorf("the second build said\n%s", second)
	}
	without := b.example("without")
	if !strings.Contains(without, "go runs without a cache") {
		b.t.Errorf("the build without the secret said\n%s", without)
	}
	program := b.run("buildah", "from", "--pull-never", "example:second")
	if out := b.run("buildah", "run", program, "--", "/app"); out != "[hello, image]" {
		b.t.Errorf("the program of the image says %s", out)
	}
	b.nothingOf("graph", g.SecretKey, "gocache-action/state", "images/v2")
}

// example builds the image of the example as on a machine of its own: cache mounts lie below its
// TMPDIR. It returns what the build printed.
func (b *builder) example(name string, more ...string) string {
	b.t.Helper()
	tmp := filepath.Join(b.root, "tmp-"+name)
	if err := os.Mkdir(tmp, 0o755); err != nil {
		b.t.Fatal(err)
	}
	one := *b
	one.env = append(b.env[:len(b.env):len(b.env)], "TMPDIR="+tmp)
	args := append([]string{"bud", "--signature-policy", b.root + "/policy.json", "--pull-never", "-t", "example:" + name, "-v", b.goroot}, more...)
	return one.run("sh", append([]string{"-c", `exec "$@" 2>&1`, "sh", "buildah"}, append(args, "examples/docker")...)...)
}

// nothingOf demands that no file of the images holds a text.
func (b *builder) nothingOf(dir string, texts ...string) {
	b.t.Helper()
	err := filepath.WalkDir(filepath.Join(b.root, dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		for _, text := range texts {
			if bytes.Contains(data, []byte(text)) {
				b.t.Errorf("%s holds %q", path, text)
			}
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
}
