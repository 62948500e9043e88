package memo

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// TestMemo: times, groups and the bound of bytes.
func TestMemo(t *testing.T) {
	now := time.Unix(0, 0)
	m := New(100<<10, func() time.Time { return now })
	m.Put("a", "fixed", Entry{Data: []byte("x")}, Forever)
	m.Put("a", "list", Entry{Data: []byte("y")}, time.Minute)
	m.Put("b", "absent", Entry{Err: errors.New("absent")}, time.Minute)
	has := func(key string) bool { _, ok := m.Get(key); return ok }
	if !has("fixed") || !has("list") || !has("absent") || has("other") {
		t.Error("what was put is not there, or more")
	}
	m.Put("a", "off", Entry{}, 0)
	m.Put("a", "dropped", Entry{}, Forever)
	m.Drop("dropped")
	if has("off") || has("dropped") {
		t.Error("what is not to be kept is there")
	}
	m.Forget("a")
	if !has("fixed") || has("list") || !has("absent") {
		t.Error("Forget drops what of the group has a time, and nothing else")
	}
	now = now.Add(2 * time.Minute)
	if !has("fixed") || has("absent") {
		t.Error("entries last for their time")
	}
	for i := range 1000 {
		m.Put("c", fmt.Sprint(i), Entry{Data: make([]byte, 1000)}, Forever)
		has("fixed") // so that it is in use
	}
	if m.Bytes() > 100<<10 || !has("fixed") || has("0") || !has("999") {
		t.Errorf("%d bytes; what was not used for longest goes first", m.Bytes())
	}
	m.Put("c", "large", Entry{Data: make([]byte, 90<<10)}, Forever)
	if has("large") || !has("fixed") {
		t.Error("a large entry drops everything else")
	}
}
