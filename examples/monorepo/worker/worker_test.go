package worker

import "testing"

func TestMine(t *testing.T) {
	jobs := []string{"mail", "invoice", "report"}
	if a, b := Mine(jobs, 0, 2), Mine(jobs, 1, 2); len(a)+len(b) != len(jobs) {
		t.Errorf("%q and %q of %q", a, b, jobs)
	}
}
