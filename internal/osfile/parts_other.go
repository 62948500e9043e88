//go:build !linux

package osfile

import "os"

// WriteParts writes pieces of memory one after the other.
func (f *File) WriteParts(parts ...[]byte) (done int64, err error) {
	for _, p := range parts {
		n, err := f.f.Write(p)
		if done += int64(n); err != nil {
			return done, err
		}
	}
	return done, nil
}

// WritePartsAt does so at an offset of the file. What lies before it, and was not written, is zero.
func (f *File) WritePartsAt(off int64, parts ...[]byte) (done int64, err error) {
	for _, p := range parts {
		n, err := f.f.WriteAt(p, off+done)
		if done += int64(n); err != nil {
			return done, err
		}
	}
	return done, nil
}

// Reopen opens a file that is there for writing, and leaves what it holds.
// It waits where another program's open file is in the way: scanners of viruses look at what was
// just written.
func Reopen(path string) (f *File, err error) {
	err = retry(retryFor, func() (err error) {
		f, err = open(path, os.O_WRONLY, 0)
		return err
	})
	return f, err
}
