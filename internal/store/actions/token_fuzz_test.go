package actions

import "testing"

// FuzzGrants: whatever is in a token, it can be read or says nothing; then a save is tried.
func FuzzGrants(f *testing.F) {
	f.Add("e30.eyJhYyI6Ilt7XCJTY29wZVwiOlwicmVmcy9oZWFkcy9tYWluXCIsXCJQZXJtaXNzaW9uXCI6M31dIn0.c2ln")
	f.Add("e30.e30.c2ln")
	f.Add("a..b")
	f.Fuzz(func(t *testing.T, token string) {
		if _, ok := Grants(token); !ok && !mayWrite(token) {
			t.Error("a token that says nothing forbids writing")
		}
	})
}
