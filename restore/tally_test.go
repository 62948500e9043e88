package restore

import "testing"

func TestWithoutName(t *testing.T) {
	const object = "v1/modules/x"
	for reason, want := range map[string]string{
		"object v1/modules/x: object not found":           "object: object not found",
		"read v1/modules/x in bucket b: object not found": "read in bucket b: object not found",
		"v1/modules/x: truncated":                         "truncated",
		"object has 5 bytes, not 6":                       "object has 5 bytes, not 6",
	} {
		if got := withoutName(reason, object); got != want {
			t.Errorf("%q: %q, want %q", reason, got, want)
		}
	}
}
