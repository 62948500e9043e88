package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/osfile"
)

// clock lets a run take place at the date of a release. Go commands know only the time of the
// machine, so the caches are moved between the two times: all times of files, and the time in
// trim.txt, are shifted by the same amount before the go commands run, and shifted back afterwards.
// So ages are what they would have been at that date, for the go command, for tar and for gocache.
type clock struct{ ahead time.Duration } // of the machine's time

func clockAt(then time.Time) clock { return clock{ahead: time.Since(then)} }

// now returns the time in the history; it advances while a run takes place.
func (c clock) now() time.Time { return time.Now().Add(-c.ahead) }

// toMachine shifts the caches to the time of the machine, for the go command. Files that are not
// older than since already have that time, since the restore has just written them without setting
// a time.
func (c clock) toMachine(l *lab, since time.Time) error {
	since = since.Add(-tick)
	return shiftCaches(l, c.ahead, func(t time.Time) bool { return t.Before(since) })
}

// toHistory undoes that.
func (c clock) toHistory(l *lab) error { return shiftCaches(l, -c.ahead, always) }

// objectsToHistory gives the date of the history to everything written to a directory store since
// this time of the machine.
func (c clock) objectsToHistory(root string, since time.Time) error {
	since = since.Add(-tick)
	return shiftTimes(root, -c.ahead, func(t time.Time) bool { return !t.Before(since) })
}

// tick is more than the times of files can lag behind the clock.
const tick = time.Second

func always(time.Time) bool { return true }

func shiftCaches(l *lab, by time.Duration, which func(modified time.Time) bool) error {
	if err := shiftTimes(l.Path("caches"), by, which); err != nil {
		return err
	}
	return shiftTrim(filepath.Join(l.buildDir(), "trim.txt"), by)
}

// shiftTimes shifts the modification and read times of files and directories. They are selected by
// modification time alone, since the read time is later only if somebody has read the file since.
func shiftTimes(root string, by time.Duration, which func(modified time.Time) bool) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil || !which(info.ModTime()) {
			return err
		}
		var read time.Time // zero: leave it as it is
		if ns, ok := osfile.AccessTime(info); ok {
			read = time.Unix(0, ns).Add(by)
		}
		return os.Chtimes(path, read, info.ModTime().Add(by))
	})
}

// shiftTrim shifts the time at which the go command last trimmed the cache, and keeps the time of
// the file.
func shiftTrim(file string, by time.Duration) error {
	data, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	if err != nil {
		return err
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if err := writeTrim(file, time.Unix(seconds, 0).Add(by)); err != nil {
		return err
	}
	return os.Chtimes(file, time.Time{}, info.ModTime())
}

// writeTrim makes the go command believe that it trimmed the cache at t.
func writeTrim(file string, t time.Time) error {
	return os.WriteFile(file, []byte(strconv.FormatInt(t.Unix(), 10)), 0o666)
}
