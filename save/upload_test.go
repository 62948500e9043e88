package save

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/content/contenttest"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// testUploader returns an uploader to st.
func testUploader(t *testing.T, st store.Store) *uploader {
	t.Helper()
	j := newJob(Options{Store: st, Repo: "r", Scope: "main", Meter: new(report.Meter), Concurrency: 2})
	return newUploader(j, collect.NewStock(nil, nil), DefaultMemory)
}

// packJob returns the job of a pack with one file of this size. there returns how many of its bytes
// can be read in each pass, starting with 1.
func packJob(size int64, there func(pass int) int) collect.Job {
	pass := 0
	return collect.Job{
		What: "a pack", Bytes: size, Size: size, Files: 1,
		Write: func(_ context.Context, w *snapshot.Writer, note collect.Note) (collect.Content, error) {
			pass++
			in := io.LimitReader(zeros{}, int64(there(pass)))
			_, err := collect.AddTorn(w, snapshot.Member{Name: "00/x-d", Mode: 0o644, Size: size}, in)
			if err != nil {
				return collect.Content{}, err
			}
			note.Wrote(size)
			return collect.Content{Members: 1, Raw: size}, nil
		},
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// asLarge makes a job claim to be so large that it is streamed.
func asLarge(j collect.Job) collect.Job {
	j.Size = collect.GroupBytes + 1
	return j
}

// large is the size of a file of which part can be missing.
const large = 1000

// TestTornWhileUploaded: if a file shrinks each time between the two passes over a large pack, only
// that pack is lost, and nothing lists what is not in the store. Progress ends at what was read for
// the store.
func TestTornWhileUploaded(t *testing.T) {
	for name, c := range map[string]struct {
		there func(pass int) int
		whole bool
	}{
		"always": {func(pass int) int { return large - (1-pass%2)*pass }, false},
		// in the second pass
		"once":       {func(pass int) int { return large - max(0, 3-pass)*max(0, pass-1) }, true},
		"never":      {func(int) int { return large }, true},
		"from start": {func(int) int { return large - 1 }, false},
	} {
		t.Run(name, func(t *testing.T) {
			st := newMemory()
			u := testUploader(t, st)
			done, err := u.upload(t.Context(), []collect.Job{asLarge(packJob(large, c.there))})
			if err != nil {
				t.Fatal(err)
			}
			warnings, objects := u.log.read()
			if !c.whole {
				if done[0].Object != "" || len(objects) > 0 || len(warnings) != 1 || !strings.Contains(warnings[0], "a pack is not saved") {
					t.Errorf("%+v, objects %q, warnings %q", done[0], objects, warnings)
				}
				if n := u.Meter.Disk.Load() + u.Meter.Files.Load(); n != 0 {
					t.Errorf("bytes that were not stored count: %d", n)
				}
				return
			}
			if _, err := st.Stat(t.Context(), done[0].Object); err != nil || done[0].Pack.Raw != large {
				t.Errorf("%+v: %v", done[0], err)
			}
			if got := u.Meter.Disk.Load(); got != large || got != u.Meter.DiskTotal.Load() || u.Meter.Files.Load() != 1 {
				t.Errorf("progress: %d of %d bytes, %d files", got, u.Meter.DiskTotal.Load(), u.Meter.Files.Load())
			}
		})
	}
}

// TestCutIsNotTorn: an upload that ends early is a failure of the store, and does not count as a
// failure of the files. The goroutine that builds the pack ends with the upload.
func TestCutIsNotTorn(t *testing.T) {
	st := newMemory()
	st.before = func(op, name string, body io.Reader) error {
		if op == "put" {
			io.CopyN(io.Discard, body, 10)
			return fmt.Errorf("put %s: %w: %w", name, store.ErrUnreachable, io.ErrUnexpectedEOF)
		}
		return nil
	}
	before := runtime.NumGoroutine()
	u := testUploader(t, st)
	passes := 0
	done, err := u.upload(t.Context(), []collect.Job{asLarge(packJob(large, func(pass int) int { passes = pass; return large }))})
	if !errors.Is(err, store.ErrUnreachable) || passes != 2 || done[0].Object != "" {
		t.Errorf("%d passes, %+v, %v", passes, done[0], err)
	}
	collecttest.NoMoreGoroutines(t, before)
	if n := u.Meter.Disk.Load(); n != 0 {
		t.Errorf("%d bytes count of a pack that was not stored", n)
	}
}

// TestDiskErrorIsNotAnObject: an error of the disk while an object is streamed is not reported as a
// failure of the upload.
func TestDiskErrorIsNotAnObject(t *testing.T) {
	disk := errors.New("input/output error")
	for name, object := range map[string]string{"pack": "", "module": "v2/modules/x/@v/v1/" + strings.Repeat("0", 64)} {
		u := testUploader(t, newMemory())
		pass := 0
		j := collect.Job{What: name, Object: object, Bytes: large, Size: collect.GroupBytes + 1, Write: func(_ context.Context, w *snapshot.Writer, _ collect.Note) (collect.Content, error) {
			if pass++; pass == 2 || object != "" {
				return collect.Content{}, fmt.Errorf("path /x: %w", disk)
			}
			_, err := w.Add(snapshot.Member{Name: "x", Size: 1}, strings.NewReader("x"))
			return collect.Content{Members: 1}, err
		}}
		if _, err := u.upload(t.Context(), []collect.Job{j}); !errors.Is(err, disk) || strings.Contains(err.Error(), "object") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestUploadCancelled: a save that is cancelled while it compresses ends within a frame. It does
// not begin its second pass, and returns no outcome for what is not stored.
func TestUploadCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("time is up")
	u := testUploader(t, newMemory())
	passes := 0
	j := asLarge(packJob(snapshot.FrameSize+1, func(pass int) int { passes = pass; cancel(why); return snapshot.FrameSize + 1 }))
	done, err := u.upload(ctx, []collect.Job{j})
	if !errors.Is(err, why) || done[0].Object != "" || passes != 1 || u.Meter.Bytes.Load() != 0 {
		t.Errorf("%+v, %v, %d passes", done, err, passes)
	}
}

// TestUploadOrder: the largest objects are uploaded first, each outcome is in its place, and a pack
// in which nothing could be read is not uploaded.
func TestUploadOrder(t *testing.T) {
	u := testUploader(t, newMemory())
	u.Concurrency = 1
	var order []int64
	var jobs []collect.Job
	for _, size := range []int64{10, 3000, 200} {
		j := packJob(size, func(int) int { return int(size) })
		write := j.Write
		j.Write = func(ctx context.Context, w *snapshot.Writer, n collect.Note) (collect.Content, error) {
			order = append(order, size)
			return write(ctx, w, n)
		}
		jobs = append(jobs, j)
	}
	jobs = append(jobs, collect.Job{What: "nothing", Bytes: 5, Size: 5, Write: func(context.Context, *snapshot.Writer, collect.Note) (collect.Content, error) {
		return collect.Content{}, nil
	}})
	done, err := u.upload(t.Context(), jobs)
	if err != nil || fmt.Sprint(order) != "[3000 200 10]" {
		t.Fatalf("%v, %v", order, err)
	}
	for i, raw := range []int64{3000, 200, 10} {
		if done[i].Pack.Raw != raw || done[i].Object != done[i].Pack.Object || !done[i].Uploaded {
			t.Errorf("outcome %d: %+v", i, done[i])
		}
	}
	if done[3].Object != "" {
		t.Errorf("an empty pack: %+v", done[3])
	}
}

// TestUploadedBytes: the stored bytes are those of the pack in the outcome, frame by frame.
func TestUploadedBytes(t *testing.T) {
	st := newMemory()
	u := testUploader(t, st)
	done, err := u.upload(t.Context(), []collect.Job{packJob(snapshot.FrameSize+5, func(int) int { return snapshot.FrameSize + 5 }), packJob(7, func(int) int { return 7 })})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range done {
		data := st.objects[d.Object].data
		if int64(len(data)) != d.Size {
			t.Fatalf("%d bytes, want %d", len(data), d.Size)
		}
		r := snapshot.NewReader(contenttest.Stream(bytes.NewReader(data)), d.Pack.Frames, nil)
		m, err := r.Next()
		if err != nil || m.Size != d.Raw {
			t.Errorf("%+v, %v", m, err)
		}
		if n, err := io.Copy(io.Discard, r); n != d.Raw || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
		r.Close()
	}
}
