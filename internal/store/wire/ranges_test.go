package wire

import "testing"

func FuzzTotalSize(f *testing.F) {
	f.Add("bytes 5-9/100", int64(5))
	f.Add("bytes 5-9/*", int64(5))
	f.Add("bytes 0-9/5", int64(0))
	f.Fuzz(func(t *testing.T, header string, first int64) {
		if n, ok := TotalSize(header, first); ok && n < first {
			t.Errorf("%q from %d: %d", header, first, n)
		}
	})
}
