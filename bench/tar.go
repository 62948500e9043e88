package main

import (
	"fmt"
	"os"
	"path"
	"strconv"

	"github.com/org/gocache-action/bench/internal/kit"
)

// tarTool does what actions/cache does, with the arguments of its tar.ts, and transfers the archive
// with rclone, a public S3 client.
type tarTool struct {
	*lab
	bucket   string
	settings rcloneSettings
	remote   []string // environment that defines the remote "bench"
}

// rcloneSettings determine the speed of rclone; see tune.go.
type rcloneSettings struct {
	ChunkMiB    int `json:"chunk_mib"`   // size of an uploaded part
	Concurrency int `json:"concurrency"` // parts uploaded at once
	Streams     int `json:"streams"`     // ranges downloaded at once
}

func (s rcloneSettings) upload() string {
	return fmt.Sprintf("%d MiB parts, %d at once", s.ChunkMiB, s.Concurrency)
}

func newTarTool(l *lab, s *kit.Server, bucket string, settings rcloneSettings) *tarTool {
	return &tarTool{lab: l, bucket: bucket, settings: settings, remote: []string{
		"RCLONE_CONFIG=/dev/null",
		"RCLONE_CONFIG_BENCH_TYPE=s3",
		"RCLONE_CONFIG_BENCH_PROVIDER=Other",
		"RCLONE_CONFIG_BENCH_ENDPOINT=" + s.Endpoint,
		"RCLONE_CONFIG_BENCH_ACCESS_KEY_ID=" + kit.AccessKey,
		"RCLONE_CONFIG_BENCH_SECRET_ACCESS_KEY=" + kit.SecretKey,
	}}
}

func (t *tarTool) name() string { return tarName }

func (t *tarTool) env() []string { return t.remote }

// archive returns the path of the archive. It is in a separate directory, where tar runs, as with
// actions/cache.
func (t *tarTool) archive() string { return t.Path("tmp", "archive", "cache.tzst") }

func (t *tarTool) object(number int) string {
	return "bench:" + path.Join(t.bucket, "key-"+strconv.Itoa(number), "cache.tzst")
}

func (t *tarTool) save(number int) []stage {
	return []stage{t.pack(), t.upload(number)}
}

func (t *tarTool) restore(number int) []stage {
	return []stage{t.download(number), t.unpack()}
}

func (t *tarTool) pack() stage {
	return t.stage("tar and zstdmt", "tar", "--posix", "-cf", "cache.tzst", "--exclude", "cache.tzst", "-P",
		"-C", t.Path("project"), "--files-from", "manifest.txt", "--use-compress-program", "zstdmt")
}

func (t *tarTool) unpack() stage {
	return t.stage("tar and unzstd", "tar", "-xf", t.archive(), "-P", "-C", t.Path("project"), "--use-compress-program", "unzstd")
}

// upload leaves out everything that rclone does besides the upload itself: looking up the bucket
// and the object, and reading the archive once for its MD5. Without the timeout of 0, it would wait
// up to a second before each part for a "100 Continue", which not every server sends.
func (t *tarTool) upload(number int) stage {
	return t.stage("rclone upload", "rclone", "copyto", t.archive(), t.object(number),
		"--s3-no-check-bucket", "--s3-no-head", "--no-check-dest", "--s3-disable-checksum", "--expect-continue-timeout", "0",
		"--s3-upload-cutoff", strconv.Itoa(t.settings.ChunkMiB)+"M",
		"--s3-chunk-size", strconv.Itoa(t.settings.ChunkMiB)+"M",
		"--s3-upload-concurrency", strconv.Itoa(t.settings.Concurrency))
}

func (t *tarTool) download(number int) stage {
	return t.stage("rclone download", "rclone", "copyto", t.object(number), t.archive(),
		"--s3-no-check-bucket", "--no-check-dest", "--ignore-checksum",
		"--multi-thread-cutoff", "1M", "--multi-thread-streams", strconv.Itoa(t.settings.Streams))
}

func (t *tarTool) stage(label string, argv ...string) stage {
	return stage{label: label, dir: t.Path("tmp", "archive"), argv: argv}
}

// clean empties the directory of the archive and writes the list of what to pack: paths relative to
// the working directory, as in actions/cache.
func (t *tarTool) clean(bool) error {
	if err := t.emptyDir("tmp", "archive"); err != nil {
		return err
	}
	return os.WriteFile(t.Path("tmp", "archive", "manifest.txt"), []byte("../caches/mod\n../caches/build\n"), 0o644)
}
