package main

import "testing"

func TestCheckName(t *testing.T) {
	for name, ok := range map[string]bool{
		"": true, "build": true, "a b/ü": true, "refs/heads/main": true,
		"a\xff": false, "a\nb": false, "\x00": false, " ": false, "a\u0085": false,
	} {
		if err := checkName("--name", name); (err == nil) != ok || err != nil && !isUsage(err) {
			t.Errorf("%q: %v", name, err)
		}
		for _, id := range []identity{{Name: name}, {Repo: name}, {Scope: name}, {BaseScope: name}, {DefaultScope: name}} {
			if (id.check() == nil) != ok {
				t.Errorf("identity %+q: %v", id, id.check())
			}
		}
	}
}
