package stats

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestPageInChromium shows the page in a browser, of a machine with a million entries, light and
// dark. It runs where $GOCACHE_TEST_CHROMIUM names a Chromium, and leaves screenshots in
// $GOCACHE_TEST_SCREENSHOTS:
//
//	GOCACHE_TEST_CHROMIUM=chromium GOCACHE_TEST_SCREENSHOTS=/tmp go test ./internal/stats -run Chromium
//
// TestPage checks without a browser what can be checked so.
func TestPageInChromium(t *testing.T) {
	program := os.Getenv("GOCACHE_TEST_CHROMIUM")
	if program == "" {
		t.Skip("$GOCACHE_TEST_CHROMIUM is not set")
	}
	dir := os.Getenv("GOCACHE_TEST_SCREENSHOTS")
	if dir == "" {
		dir = t.TempDir()
	}
	start := time.Now()
	var page bytes.Buffer
	if err := sampleReport(t, 1_000_000, 20_000, 2000).WritePage(&page); err != nil {
		t.Fatal(err)
	}
	t.Logf("made in %v, %d bytes", time.Since(start), page.Len())
	file := filepath.Join(dir, "stats.html")
	if err := os.WriteFile(file, page.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	for theme, scheme := range map[string]string{"light": "1", "dark": "0"} {
		shot := filepath.Join(dir, "stats-"+theme+".png")
		start := time.Now()
		dom, messages := browse(t, program, "--blink-settings=preferredColorScheme="+scheme, "--screenshot="+shot, "--window-size=1240,4600", "file://"+file)
		t.Logf("%s: %v", theme, time.Since(start))
		if st, err := os.Stat(shot); err != nil || st.Size() < 50_000 {
			t.Errorf("no screenshot: %v", err)
		}
		if dom != "" || messages != "" {
			t.Errorf("%s: the browser says %s%s", theme, dom, messages)
		}
	}
	// that the script ran, which the policy of the page has to allow, and how long the page took
	dom, messages := browse(t, program, "--dump-dom", "--virtual-time-budget=2000", "file://"+file)
	if messages != "" {
		t.Errorf("the browser says %s", messages)
	}
	ready := regexp.MustCompile(`data-ready="([0-9]+)"`).FindStringSubmatch(dom)
	if ready == nil || len(ready[1]) < 3 {
		t.Errorf("the script did not run, or saw no rows: %v", ready)
	}
	if strings.Count(dom, `aria-label="filter Packages and programs"`) != 1 || strings.Contains(dom, `aria-label="filter Packages and programs" hidden`) {
		t.Error("a long table has no filter")
	}
}

// browse runs a headless browser, and returns what it prints, and the messages of the console of
// the page.
func browse(t *testing.T, program string, args ...string) (out, messages string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	args = append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr", "--user-data-dir=" + t.TempDir()}, args...)
	cmd := exec.CommandContext(ctx, program, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, stderr.Bytes())
	}
	for line := range strings.Lines(stderr.String()) {
		if strings.Contains(line, "CONSOLE") {
			messages += line
		}
	}
	return stdout.String(), messages
}
