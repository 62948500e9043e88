package checksumdb

import "net/url"

// Identity is what a setting of GOSUMDB means.
type Identity struct {
	Name string   // such as sum.golang.org
	Key  string   // that verifies its signatures
	Base *url.URL // where it is, if the setting says so
}

// Identify reads a setting of GOSUMDB. Its error says that it is invalid, or off.
func Identify(setting string) (Identity, error) {
	db := New(Options{GOSUMDB: setting})
	return Identity{db.name, db.key, db.base}, db.off
}

// Name is that of the database, such as sum.golang.org; "" if the setting is invalid or off.
func (db *DB) Name() string { return db.name }
