package shard

import "testing"

func TestOf(t *testing.T) {
	if a, b := Of("order-17", 5), Of("order-17", 5); a != b || a < 0 || a >= 5 {
		t.Errorf("servers %d and %d", a, b)
	}
}
