package goproxy

import "strings"

// Credentials says where GOAUTH has the go command look for those of proxies: in .netrc, which is
// the default, and in others, which are git or commands.
func Credentials(goauth string) (netrc, others bool) {
	if strings.TrimSpace(goauth) == "" {
		return true, false
	}
	for one := range strings.SplitSeq(goauth, ";") {
		switch strings.TrimSpace(one) {
		case "", "off":
		case "netrc":
			netrc = true
		default:
			others = true
		}
	}
	return netrc, others
}
