package rebuild

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/osfile/osfiletest"
)

// moments lists those at which a rebuild can be interrupted: all steps, and of what a step repeats
// the first two, one in the middle and the last.
func moments(t *testing.T, all bool) (list []string) {
	t.Helper()
	w := newWorld(t)
	o := w.options()
	o.All = all
	o.Interrupt = func(moment string) error {
		list = append(list, moment)
		return nil
	}
	if _, err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for _, step := range Plan(o) {
		if !slices.Contains(list, string(step.Name)) {
			t.Fatalf("nothing can be interrupted at %s: %q", step.Name, list)
		}
	}
	slices.Sort(list)
	list = slices.Compact(list)
	return slices.DeleteFunc(slices.Clone(list), func(moment string) bool {
		kind, number, repeated := strings.Cut(moment, " ")
		n, _ := strconv.Atoi(number)
		last := 0
		for slices.Contains(list, fmt.Sprint(kind, " ", last+1)) {
			last++
		}
		return repeated && n > 1 && n != last/2 && n != last
	})
}

var errTest = errors.New("failed for a test")

// TestUndone: whatever fails at whatever moment, the caches are as they were, until the new ones
// are noted to be valid. From then on nothing is undone.
func TestUndone(t *testing.T) {
	for _, all := range []bool{false, true} {
		for _, moment := range moments(t, all) {
			for _, how := range []string{"error", "signal", "panic"} {
				if how != "error" && strings.Contains(moment, " ") {
					continue // the same as an error there
				}
				t.Run(fmt.Sprintf("all=%v/%s/%s", all, moment, how), func(t *testing.T) { undone(t, all, moment, how) })
			}
		}
	}
}

func undone(t *testing.T, all bool, moment, how string) {
	w := newWorld(t)
	o := w.options()
	o.All = all
	mods, build := state(t, w.mod), state(t, w.build)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	hit := false
	o.Interrupt = func(m string) error {
		if m != moment || hit {
			return nil
		}
		hit = true
		switch how {
		case "panic":
			panic(errTest)
		case "signal":
			cancel(errTest)
			return nil
		}
		return errTest
	}
	// after these, there is nothing more to interrupt in a step, or in the rebuild
	late := moment == string(Delete)
	res, err := func() (res *Result, err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %w", p.(error))
			}
		}()
		return Run(ctx, o)
	}()
	if how == "signal" && err == nil && (late || moment == "kept" || moment == string(Keep)) {
		return
	}
	if !errors.Is(err, errTest) {
		t.Fatalf("error %v", err)
	}
	if late {
		for _, dir := range []string{w.mod, w.build} {
			_, err := Undo(dir)
			must(t, err)
		}
		assertWhole(t, w)
		return
	}
	if d := differ(mods, state(t, w.mod)); d != "" {
		t.Errorf("module cache:\n%s", d)
	}
	// what was merged has the content that was there
	if d := differ(build, state(t, w.build)); d != "" {
		t.Errorf("build cache:\n%s", d)
	}
	if how != "panic" && res.Undone && !strings.HasSuffix(err.Error(), "the caches are as they were") {
		t.Errorf("the error does not say it: %v", err)
	}
}

// assertWhole looks whether the go command finds all that it needs, and nothing of a rebuild is
// left.
func assertWhole(t *testing.T, w *world) {
	t.Helper()
	for _, dir := range []string{w.mod, w.build} {
		if list, _ := filepath.Glob(filepath.Join(dir, ".gocache*")); len(list) > 0 {
			t.Errorf("left: %v", list)
		}
	}
	for _, v := range versions(w.options()) {
		if what := wrong(w.options(), w.mod, v); what != "" {
			t.Errorf("%s: %s", v, what)
		}
	}
	if _, err := os.Stat(filepath.Join(w.mod, "example.com", "dep@v1.0.0", "d.go")); err != nil {
		t.Error(err)
	}
}

// killedRebuild is a process that is killed at a moment. The argument is base|all|moment|failed;
// with failed, the rebuild fails there first, and is killed while it is undone.
func killedRebuild(arg string) error {
	args := strings.Split(arg, "|")
	stock.base = args[4]
	w := at(new(testing.T), args[0])
	o := w.options()
	o.All = args[1] == "true"
	o.Interrupt = func(moment string) error {
		if moment == args[2] {
			self, err := os.FindProcess(os.Getpid())
			if err == nil {
				err = self.Kill()
			}
			time.Sleep(time.Minute)
			return err
		}
		if moment == args[3] {
			return errTest
		}
		return nil
	}
	_, err := Run(context.Background(), o)
	return err
}

// TestKilled: a rebuild that is killed at whatever moment, also while it is being undone, is undone
// by the next one. Until then Left says so.
func TestKilled(t *testing.T) {
	for _, all := range []bool{false, true} {
		list := moments(t, all)
		for _, moment := range list {
			t.Run(fmt.Sprintf("all=%v/%s", all, moment), func(t *testing.T) {
				t.Parallel()
				killed(t, all, moment, "")
			})
		}
		for _, moment := range []string{"back 0", "back 2"} {
			t.Run(fmt.Sprintf("all=%v/%s", all, moment), func(t *testing.T) {
				t.Parallel()
				killed(t, all, moment, string(Keep))
			})
		}
		// when the journal of one cache has said that it is done
		t.Run(fmt.Sprintf("all=%v/kept, back 0", all), func(t *testing.T) {
			t.Parallel()
			killed(t, all, "back 0", "kept")
		})
	}
}

func killed(t *testing.T, all bool, moment, failed string) {
	w := newWorld(t)
	mods, build := state(t, w.mod), state(t, w.build)
	out, err := osfiletest.Command(t, "rebuild", strings.Join([]string{w.base, fmt.Sprint(all), moment, failed, stock.base}, "|")).CombinedOutput()
	if err == nil || strings.Contains(string(out), "failed") {
		t.Fatalf("it was not killed: %v, %s", err, out)
	}
	begun := moment != string(Backup) && moment != string(Indexes) && moment != string(Aside)
	if left, err := Left(w.mod); err != nil || begun && left == "" {
		t.Errorf("left: %q, %v", left, err)
	}
	for _, dir := range []string{w.mod, w.build} {
		_, err := Undo(dir)
		must(t, err)
		if did, err := Undo(dir); did != "" || err != nil {
			t.Errorf("the second time: %q, %v", did, err)
		}
		os.Remove(filepath.Join(dir, lockFile))
	}
	if moment == string(Delete) || moment == "kept" {
		assertWhole(t, w)
		return
	}
	if d := differ(mods, state(t, w.mod)); d != "" {
		t.Errorf("module cache:\n%s", d)
	}
	if d := differ(build, state(t, w.build)); d != "" {
		t.Errorf("build cache:\n%s", d)
	}
}

// TestFullDisk: a disk that is too full for moving anything into the trash does not keep a rebuild
// from being undone.
func TestFullDisk(t *testing.T) {
	for _, all := range []bool{false, true} {
		w := newWorld(t)
		o := w.options()
		o.All = all
		mods, build := state(t, w.mod), state(t, w.build)
		full := false
		o.Interrupt = func(moment string) error {
			full = full || moment == string(Compare)
			if full && (moment == string(Compare) || moment == "discard") {
				return osfiletest.FullDisk
			}
			return nil
		}
		_, err := Run(t.Context(), o)
		var undone *UndoneError
		if !errors.As(err, &undone) {
			t.Errorf("all %v: %v", all, err)
		}
		if d := differ(mods, state(t, w.mod)) + differ(build, state(t, w.build)); d != "" {
			t.Errorf("all %v:\n%s", all, d)
		}
	}
}

// TestMakesRoom: before an undo writes a journal, what the rebuild has made is deleted.
func TestMakesRoom(t *testing.T) {
	w := newWorld(t)
	p, err := openPlace(w.build)
	must(t, err)
	defer p.close()
	must(t, p.begin(journal{Units: []string{"README"}, Whole: true, Build: true}))
	must(t, p.setAside())
	w.write(p.aside(newDir, "00", "x"), "new")
	w.write(p.path("README"), "new")
	must(t, p.bringBack())
	for _, dir := range []string{newDir, trashDir} {
		if list, _ := os.ReadDir(p.aside(dir)); len(list) > 0 {
			t.Errorf("%s has %d entries", dir, len(list))
		}
	}
	if w.read("build/README") == "new" {
		t.Error("the new README is still there")
	}
	must(t, os.RemoveAll(p.aside()))
	if err := p.finish(); err == nil || p.j.Done {
		t.Errorf("a journal that cannot be written: %v, done %v", err, p.j.Done)
	}
}
