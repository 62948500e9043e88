package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clock lets a run take place at the date of a release. Go commands know only the time of the
// machine, so the caches are moved between the two: all times of files, and the time in trim.txt, are shifted
// by the same amount before the go commands run and back afterwards. Ages are thus what they would have been
// then, for the go command, for tar and for gocache.
type clock struct{ ahead time.Duration } // of the machine's time

func clockAt(then time.Time) clock { return clock{ahead: time.Since(then)} }

// now is the time in the history; it goes on while a run takes place.
func (c clock) now() time.Time { return time.Now().Add(-c.ahead) }

// toMachine makes the caches what the go command is to see. What is not older than since has the time of
// the machine already: the restore has just written it, without giving it a time of its own.
func (c clock) toMachine(l *lab, since time.Time) error { return shiftCaches(l, c.ahead, since) }

// toHistory undoes it.
func (c clock) toHistory(l *lab) error { return shiftCaches(l, -c.ahead, time.Now().Add(time.Hour)) }

func shiftCaches(l *lab, by time.Duration, before time.Time) error {
	if err := shiftTimes(l.path("caches"), by, before); err != nil {
		return err
	}
	return shiftTrim(filepath.Join(l.buildDir(), "trim.txt"), by)
}

// shiftTimes shifts the times of all files and directories that are older than before.
func shiftTimes(root string, by time.Duration, before time.Time) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil || !info.ModTime().Before(before) {
			return err
		}
		return os.Chtimes(path, time.Time{}, info.ModTime().Add(by))
	})
}

// shiftTrim shifts the time at which the go command trimmed the cache last, and keeps the time of the file.
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

// writeTrim tells the go command that it trimmed the cache at t.
func writeTrim(file string, t time.Time) error {
	return os.WriteFile(file, []byte(strconv.FormatInt(t.Unix(), 10)), 0o666)
}
