package actions

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// A Permission says what a job may do with the caches of a scope.
type Permission int

// The permissions, which can be combined.
const (
	Read  Permission = 1
	Write Permission = 2
)

// A Grant is the permission of a job in one scope: a ref of the repository.
type Grant struct {
	Scope      string
	Permission Permission
}

// Grants returns what a token of a job allows, by its own word. The runner does not say it in any
// other way. ok is false for tokens of other services, which say nothing.
func Grants(token string) (list []Grant, ok bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return nil, false
	}
	var claims struct {
		Access string `json:"ac"` // JSON in a string
	}
	if json.Unmarshal(payload, &claims) != nil || claims.Access == "" {
		return nil, false
	}
	if json.Unmarshal([]byte(claims.Access), &list) != nil {
		return nil, false
	}
	return list, true
}

// mayWrite reports whether a token allows writes in any scope. One that says nothing may.
func mayWrite(token string) bool {
	list, ok := Grants(token)
	for _, g := range list {
		if g.Permission&Write != 0 {
			return true
		}
	}
	return !ok
}

// Modes that ACTIONS_CACHE_MODE can have; others, such as "write" and "", restrict nothing.
const (
	modeNone      = "none"
	modeRead      = "read"
	modeWriteOnly = "write-only"
)
