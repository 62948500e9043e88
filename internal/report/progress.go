package report

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"time"
)

// A Style says how progress is shown.
type Style int

const (
	Quiet Style = iota // not at all
	Lines              // a plain line every few seconds, for logs
	Live               // two lines that are redrawn, for terminals
)

// StyleFor chooses the style for a writer, usually os.Stderr. dumb means that a terminal cannot
// redraw lines. That is assumed on Windows, where older consoles print escape sequences literally.
func StyleFor(w io.Writer, quiet, dumb bool) Style {
	if quiet {
		return Quiet
	}
	if !dumb && isTerminal(w) {
		return Live
	}
	return Lines
}

// Words name the two directions of a transfer.
type Words struct {
	Transfer, TransferDone string // "download", "downloaded"
	Disk, DiskDone         string // "unpack", "written"
	Things                 string // what is counted; "files" if empty
}

// How often progress is shown.
const (
	lineEvery = 5 * time.Second
	liveEvery = 100 * time.Millisecond
)

// Progress shows a Meter until Stop is called. Until then it owns the writer. Its one goroutine
// only reads counters and writes lines.
type Progress struct {
	meter *Meter
	out   io.Writer
	words Words
	stop  chan struct{}
	done  sync.WaitGroup
}

// Start shows m on out. The width of a Live display follows that of the terminal, if out is one.
func Start(out io.Writer, style Style, m *Meter, words Words) *Progress {
	p := &Progress{meter: m, out: out, words: words, stop: make(chan struct{})}
	switch style {
	case Lines:
		p.done.Go(func() { p.loop(lineEvery, &lines{words: words}) })
	case Live:
		p.done.Go(func() { p.loop(liveEvery, newLive(words, func() int { return width(out) })) })
	}
	return p
}

// Stop ends the display; a Live one is erased. When it returns, nothing is written any more.
func (p *Progress) Stop() {
	close(p.stop)
	p.done.Wait()
}

// A display turns samples into text. clear returns what erases it.
type display interface {
	show(s sample) string
	clear() string
}

// loop redraws until stop is closed. It writes each display by one call, since a terminal would
// show a part of it otherwise.
func (p *Progress) loop(every time.Duration, d display) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			io.WriteString(p.out, d.show(p.meter.sample(now)))
		case <-p.stop:
			io.WriteString(p.out, d.clear())
			return
		}
	}
}

// width returns the columns of the terminal that w is, or 80.
func width(w io.Writer) int {
	return cmp.Or(Columns(w), 80)
}

// lines is the display for logs.
type lines struct {
	words Words
	past  history
}

// show writes a line even if nothing changed: in a log, silence looks like a hang.
func (l *lines) show(s sample) string {
	l.past = l.past.add(s)
	if s.bytes == 0 && s.files == 0 && s.disk == 0 {
		if s.phase == "" {
			return ""
		}
		return fmt.Sprintf("gocache: %s\n", s.phase)
	}
	rate := l.past.rate(transferred)
	disk := ""
	if s.hasDisk() {
		disk = amounts(s.disk, s.diskTotal) + " " + l.words.DiskDone + ", "
	}
	return fmt.Sprintf("gocache: %s: %s %s%s, %s%s\n", s.phase,
		amounts(s.bytes, s.bytesTotal), l.words.TransferDone, speed(rate, left(s.bytes, s.bytesTotal, rate)), disk, s.count(l.words.Things))
}

// clear does nothing: a log is not erased.
func (l *lines) clear() string { return "" }

// live is the display for terminals: a bar for the transfer and one for the disk.
type live struct {
	words          Words
	transfer, disk *bar
	width          func() int
	shown          bool
}

// newLive takes width as a function, since the width of a terminal can change.
func newLive(words Words, width func() int) *live {
	return &live{
		words: words, width: width,
		transfer: newBar(transferred, func(s sample) int64 { return s.bytesTotal }),
		disk:     newBar(onDisk, func(s sample) int64 { return s.diskTotal }),
	}
}

// show redraws both lines and leaves the cursor at the start of the first.
func (l *live) show(s sample) string {
	l.shown = true
	first := fmt.Sprintf("%-8s%s", l.words.Transfer, l.transfer.line(s))
	second := fmt.Sprintf("%-8s%s, %s", l.words.Disk, l.disk.line(s), s.count(l.words.Things))
	if !s.hasDisk() {
		second = s.count(l.words.Things)
	}
	if s.bytes == 0 && s.files == 0 && s.disk == 0 {
		first, second = s.phase, ""
	}
	columns := l.width()
	return "\r\x1b[K" + cut(first, columns) + "\n\x1b[K" + cut(second, columns) + "\x1b[1A\r"
}

// clear erases both lines, and leaves the cursor where the first was.
func (l *live) clear() string {
	if !l.shown {
		return ""
	}
	return "\r\x1b[K\n\x1b[K\x1b[1A\r"
}

// cut shortens a line that would wrap, which would break redrawing.
func cut(line string, columns int) string {
	runes := []rune(line)
	if len(runes) < columns {
		return line
	}
	return string(runes[:max(columns-1, 0)])
}

// bar draws one counter.
type bar struct {
	counter, total func(sample) int64
	past           history
}

func newBar(counter, total func(sample) int64) *bar { return &bar{counter: counter, total: total} }

const barWidth = 24

// line returns the bar, the amounts, the rate and the time left.
func (b *bar) line(s sample) string {
	b.past = b.past.add(s)
	done, total := b.counter(s), b.total(s)
	rate := b.past.rate(b.counter)
	return drawBar(done, total) + " " + amounts(done, total) + speed(rate, left(done, total, rate))
}

// drawBar returns " 42% |█████ |". Without a total the bar is empty.
func drawBar(done, total int64) string {
	percent, full := "     ", 0
	if total > 0 {
		share := float64(min(max(done, 0), total)) / float64(total)
		percent, full = fmt.Sprintf("%4.0f%%", math.Floor(share*100)), int(share*barWidth)
	}
	return percent + " |" + strings.Repeat("█", full) + strings.Repeat(" ", barWidth-full) + "|"
}
