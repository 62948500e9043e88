package cli

import (
	"net/url"
	"os"
	"strings"
)

// netrcLogin returns the credentials that a .netrc file has for a host; nil if it has none.
func netrcLogin(file, host string) *url.Userinfo {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	return findLogin(string(data), host)
}

func findLogin(text, host string) *url.Userinfo {
	var login, password string
	ours := false
	words := strings.Fields(text)
	for i := 0; i+1 < len(words); i++ {
		switch words[i] {
		case "machine":
			if ours {
				return url.UserPassword(login, password)
			}
			ours, login, password = words[i+1] == host, "", ""
		case "login":
			login = words[i+1]
		case "password":
			password = words[i+1]
		default:
			continue
		}
		i++
	}
	if !ours {
		return nil
	}
	return url.UserPassword(login, password)
}
