package usage

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestIs(t *testing.T) {
	plain := errors.New("store does not answer")
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{plain, false},
		{fmt.Errorf("restore: %w", plain), false},
		{Errorf("invalid value %q", "x"), true},
		{fmt.Errorf("store: %w", Errorf("unknown scheme")), true},
		{errors.Join(plain, Wrap(plain)), true},
		{Wrap(nil), false},
	} {
		if got := Is(c.err); got != c.want {
			t.Errorf("%v: %t", c.err, got)
		}
	}
	if err := Errorf("--sign-key: %w", fs.ErrNotExist); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the cause is lost")
	}
}

func TestCheckName(t *testing.T) {
	for name, ok := range map[string]bool{
		"": true, "build": true, "a b/ü": true, "refs/heads/main": true,
		"a\xff": false, "a\nb": false, "\x00": false, " ": false, "a\u0085": false,
	} {
		if err := CheckName("--name", name); (err == nil) != ok || err != nil && !Is(err) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
