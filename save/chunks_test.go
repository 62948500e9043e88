package save

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/store"
)

// noise returns text that does not compress.
func noise(seed uint64, n int) string {
	r := rand.New(rand.NewPCG(seed, 1))
	b := []byte("!<arch>\n")
	for len(b) < n {
		b = append(b, byte(r.Uint32()))
	}
	return string(b)
}

// TestSharedChunks: of an output that resembles a stored one, only the different chunks are
// uploaded, which takes one request for each pack with outputs. If the list of a pack cannot be
// read, all chunks are uploaded.
func TestSharedChunks(t *testing.T) {
	const size = 600_000
	old := noise(1, size)
	changed := old[:size/2] + "something else" + old[size/2:]
	for name, c := range map[string]struct {
		spoil   func(m *machine, pack string)
		most    int64 // bytes uploaded
		opens   int
		warning string
	}{
		"alike": {func(*machine, string) {}, 150_000, 4, ""},
		"its list is damaged": {func(m *machine, pack string) {
			o := m.st.objects[pack]
			o.data[len(o.data)-1] ^= 1
		}, size * 11 / 10, 5, "is stored once more"},
		"its list cannot be read": {func(m *machine, pack string) {
			m.st.before = func(op, name string, _ io.Reader) error {
				if op == "open" && name == pack {
					return store.ErrDenied
				}
				return nil
			}
		}, size * 11 / 10, 4, "the lists of chunks of 1 pack could not be read"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			m.mods, m.lint = t.TempDir(), t.TempDir()
			m.entry(t, "old", old)
			m.save(t, func(o *Options) { o.Fuzz = false })
			pack := ""
			for _, p := range manifestAt(t, m.st, exactName).Packs {
				if p.Chunks > 0 {
					pack = p.Object
				}
			}
			m.entry(t, "new", changed)
			c.spoil(m, pack)
			m.st.counts = map[string]int64{}
			meter := new(report.Meter)
			res := m.save(t, func(o *Options) { o.Meter, o.Fuzz = meter, false })
			if res.BytesUploaded > c.most || c.most > size && res.BytesUploaded < size || res.Build.Uploaded != 1 || res.Packs.Uploaded != 1 {
				t.Errorf("%d bytes uploaded, %+v, %+v", res.BytesUploaded, res.Build, res.Packs)
			}
			if res.Requests["open"] != int64(c.opens) || !collecttest.Warnings(res.Warnings).Mention(c.warning) {
				t.Errorf("%v, %q", res.Requests, res.Warnings)
			}
			if got, want := fmt.Sprint(meter.Files.Load(), meter.Disk.Load()), fmt.Sprint(meter.FilesTotal.Load(), meter.DiskTotal.Load()); got != want || !strings.HasPrefix(got, "1 ") {
				t.Errorf("progress ends at %s of %s", got, want)
			}
			if got := manifestAt(t, m.st, exactName); len(got.Actions) != 4 {
				t.Errorf("%s", collecttest.Print(got))
			}
		})
	}
}

// TestOnlyStoredParts: an output whose chunks are all stored, and an empty one, count as new,
// although only the manifest is uploaded for them.
func TestOnlyStoredParts(t *testing.T) {
	m := newMachine(t)
	m.entry(t, "old", strings.Repeat("\x00", 300_000))
	m.save(t, nil)
	m.entry(t, "new", strings.Repeat("\x00", 200_000>>16<<16))
	m.entry(t, "empty", "")
	res := m.save(t, nil)
	if !res.Written || res.Build.Uploaded != 2 || res.Build.Stored != 3 || res.Packs.Uploaded != 0 || res.Build.Skipped != 0 {
		t.Errorf("%+v, %+v", res.Build, res.Packs)
	}
	if again := m.save(t, nil); again.Written || again.Build.Stored != 5 {
		t.Errorf("%+v", again.Build)
	}
}

// TestReadOnce: an output of several entries is read once, and counts once.
func TestReadOnce(t *testing.T) {
	m := newMachine(t)
	m.mods, m.lint = t.TempDir(), t.TempDir()
	content := noise(1, 50_000)
	m.entry(t, "one", content)
	m.save(t, func(o *Options) { o.Fuzz = false })
	content = noise(2, 50_000)
	m.entry(t, "two", content)
	m.entry(t, "three", content)
	meter := new(report.Meter)
	res := m.save(t, func(o *Options) { o.Meter, o.Fuzz = meter, false })
	if got, want := meter.Files.Load(), meter.FilesTotal.Load(); res.Build.Uploaded != 2 || got != 1 || want != 1 {
		t.Errorf("%d of %d files, %+v", got, want, res.Build)
	}
}
