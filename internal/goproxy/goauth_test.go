package goproxy

import "testing"

func TestCredentials(t *testing.T) {
	for goauth, want := range map[string][2]bool{
		"": {true, false}, "netrc": {true, false}, "off": {false, false}, "git /home/me": {false, true},
		"netrc; git /home/me": {true, true}, "/usr/bin/login --host x": {false, true},
	} {
		if netrc, others := Credentials(goauth); netrc != want[0] || others != want[1] {
			t.Errorf("%q: %v, %v, want %v", goauth, netrc, others, want)
		}
	}
}
