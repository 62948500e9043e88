package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/internal/quantity"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares text with testdata/<name>.golden.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: -want +got\n%s", file, diff)
	}
}

var downloadWords = Words{Transfer: "download", TransferDone: "downloaded", Disk: "unpack", DiskDone: "written"}

// run returns samples of a transfer as a Meter would take them: growing totals, a stall, an end.
func run() []sample {
	const mib = 1 << 20
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	return []sample{
		{at: at(0)},
		{at: at(5), phase: "compare"},
		{at: at(10), phase: "restore", bytes: 10 * mib, bytesTotal: 400 * mib, files: 12, disk: 30 * mib},
		{at: at(15), phase: "restore", bytes: 110 * mib, bytesTotal: 400 * mib, files: 1200, filesTotal: 56789, disk: 300 * mib, diskTotal: 1400 * mib},
		{at: at(20), phase: "restore", bytes: 400 * mib, bytesTotal: 400 * mib, files: 30000, filesTotal: 56789, disk: 900 * mib, diskTotal: 1400 * mib},
		{at: at(25), phase: "restore", bytes: 400 * mib, bytesTotal: 800 * mib, files: 56789, filesTotal: 56789, disk: 1400 * mib, diskTotal: 1400 * mib},
		{at: at(45), phase: "restore", bytes: 400 * mib, bytesTotal: 800 * mib, files: 56789, filesTotal: 56789, disk: 1400 * mib, diskTotal: 1400 * mib},
	}
}

func TestLines(t *testing.T) {
	l := &lines{words: downloadWords}
	var b strings.Builder
	for _, s := range run() {
		b.WriteString(l.show(s))
	}
	b.WriteString(l.clear())
	golden(t, "lines", b.String())
}

var escape = regexp.MustCompile(`\x1b\[[0-9]*[A-Z]`)

func TestLive(t *testing.T) {
	l := newLive(downloadWords, func() int { return 100 })
	if l.clear() != "" {
		t.Error("clear erases lines although nothing was shown")
	}
	var b strings.Builder
	for _, s := range run() {
		text := l.show(s)
		if strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, "\x1b[1A\r") {
			t.Errorf("%q does not redraw two lines", text)
		}
		b.WriteString(escape.ReplaceAllString(strings.ReplaceAll(text, "\r", ""), "") + "\n")
	}
	golden(t, "live", b.String())
}

// TestNoDisk: what is not counted is not said to be 0 B.
func TestNoDisk(t *testing.T) {
	words := Words{Transfer: "read", TransferDone: "read", Disk: "verify", DiskDone: "verified", Things: "objects"}
	s := sample{phase: "objects", bytes: 2 << 20, files: 6}
	l := lines{words: words}
	if got := l.show(s); got != "gocache: objects: 2.0 MiB read, 6 objects\n" {
		t.Errorf("%q", got)
	}
	if got := newLive(words, func() int { return 100 }).show(s); strings.Contains(got, "verif") || !strings.Contains(got, "6 objects") {
		t.Errorf("%q", got)
	}
}

// TestLiveNarrow: no line is longer than the terminal is wide, since the rest of a wrapped line
// would remain on the screen.
func TestLiveNarrow(t *testing.T) {
	for _, columns := range []int{1, 20, 40, 80} {
		l := newLive(downloadWords, func() int { return columns })
		for _, s := range run() {
			text := escape.ReplaceAllString(strings.ReplaceAll(l.show(s), "\r", ""), "")
			for line := range strings.Lines(text) {
				if n := len([]rune(strings.TrimSuffix(line, "\n"))); n >= columns {
					t.Errorf("%d columns for %q in %d", n, line, columns)
				}
			}
		}
	}
}

// TestProgress runs a real display: it shows the meter, stops when told to, and erases itself.
func TestProgress(t *testing.T) {
	var out lockedBuffer
	m := new(Meter)
	m.SetPhase("restore")
	m.BytesTotal.Store(100)
	m.Bytes.Store(50)
	p := Start(&out, Live, m, downloadWords)
	for deadline := time.Now().Add(time.Minute); out.String() == "" && time.Now().Before(deadline); {
		time.Sleep(liveEvery / 10)
	}
	p.Stop()
	if text := out.String(); !strings.Contains(text, "50 B of 100 B") || !strings.HasSuffix(text, "\r\x1b[K\n\x1b[K\x1b[1A\r") {
		t.Errorf("live display wrote %q", text)
	}
	var quiet lockedBuffer
	p = Start(&quiet, Quiet, m, downloadWords)
	time.Sleep(2 * liveEvery)
	p.Stop()
	if text := quiet.String(); text != "" {
		t.Errorf("quiet display wrote %q", text)
	}
}

// lockedBuffer can be read while a display writes to it.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func TestStyleFor(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := StyleFor(f, false, false); got != Lines {
		t.Errorf("style for a file is %v, want Lines", got)
	}
	if got := StyleFor(f, true, false); got != Quiet {
		t.Errorf("quiet style is %v", got)
	}
}

// TestTableWords: numbers are aligned to the right, words to the left.
func TestTableWords(t *testing.T) {
	var b strings.Builder
	table := Table{
		Words: 1, Remarks: true, Head: []string{"id", "scope", "size", "repository"},
		Rows: [][]string{{"a1", "refs/heads/main", "9 B", "r"}, {"b2", "local", "100 B", "other"}},
	}
	if err := table.Write(&b); err != nil {
		t.Fatal(err)
	}
	const want = "id  scope             size  repository\na1  refs/heads/main    9 B  r\nb2  local            100 B  other\n"
	if b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

func TestSummary(t *testing.T) {
	s := Summary{
		Title: "restored job/linux/amd64/go1.26.8 from refs/heads/main",
		Counts: Table{
			Head: []string{"", "restored", "already there", "missing", "refused"},
			Rows: [][]string{
				{"modules", quantity.Count(386), quantity.Count(0), quantity.Count(2), quantity.Count(1)},
				{"build entries", quantity.Count(12345), quantity.Count(67), quantity.Count(0), quantity.Count(0)},
				{"packs", quantity.Count(25), "", quantity.Count(0), quantity.Count(0)},
			},
		},
		Facts: [][2]string{
			{"fetched", quantity.Bytes(1234567890)},
			{"written", quantity.Bytes(9876543210) + " in " + quantity.Count(55450) + " files"},
			{"time", quantity.Seconds(12340 * time.Millisecond)},
		},
		Losses:   []string{"example.com/evil@v1.0.0: refused: h1:a is not h1:b"},
		Warnings: slicesOf("warning", 23),
	}
	var b strings.Builder
	if err := s.Write(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "summary", b.String())
}

func slicesOf(s string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = s
	}
	list[0] += "\nin two lines"
	return list
}

// TestOneLine: printed text is never a command to a runner, whatever it contains.
func TestOneLine(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                   "plain",
		"two\nlines\n":            "two; lines",
		"a\r\n::error::x":         "a\uFFFD; ::error::x",
		"\x1b[2Jclear":            "\uFFFD[2Jclear",
		"x ##[set-output name=a]": "x # #[set-output name=a]",
	} {
		if got := OneLine(in); got != want {
			t.Errorf("OneLine(%q) = %q, want %q", in, got, want)
		}
	}
}
