package s3test

import (
	"net/http"
	"sync/atomic"
)

// A Quirk is what a server before a gateway does otherwise than Amazon's.
type Quirk struct {
	Name string
	// apply may change a request, or refuse it with an error code.
	apply func(op string, r *http.Request) (code string, status int)
}

// Quirks returns those that were seen with real servers, each for one server.
func Quirks() []Quirk {
	return []Quirk{
		RefusesRightConditions(), IgnoresConditions(), NoConditions(), NoUploadLists(), UploadListsByWholeName(),
		RacesOfDirectories(2),
	}
}

// RefusesRightConditions is Ceph RGW 16.2.15, which compares an ETag with its quotes.
func RefusesRightConditions() Quirk {
	return Quirk{"refuses conditions that hold", func(op string, r *http.Request) (string, int) {
		if r.Header.Get("If-Match") != "" && (r.Method == http.MethodPut || r.Method == http.MethodPost || r.Method == http.MethodDelete) {
			return "PreconditionFailed", http.StatusPreconditionFailed
		}
		return "", 0
	}}
}

// IgnoresConditions is s3rver 3.7.
func IgnoresConditions() Quirk {
	return Quirk{"ignores conditions", func(op string, r *http.Request) (string, int) {
		r.Header.Del("If-Match")
		r.Header.Del("If-None-Match")
		return "", 0
	}}
}

// NoConditions is a server that says so.
func NoConditions() Quirk {
	return Quirk{"answers 501 to conditions", func(op string, r *http.Request) (string, int) {
		if r.Header.Get("If-Match")+r.Header.Get("If-None-Match") != "" {
			return "NotImplemented", http.StatusNotImplemented
		}
		return "", 0
	}}
}

// NoEncryption is MinIO without a KMS.
func NoEncryption() Quirk {
	return Quirk{"answers 501 to encryption", func(op string, r *http.Request) (string, int) {
		if r.Header.Get(sse) != "" {
			return "NotImplemented", http.StatusNotImplemented
		}
		return "", 0
	}}
}

// NoUploadLists is s3rver 3.7.
func NoUploadLists() Quirk {
	return Quirk{"answers 501 to lists of uploads", func(op string, r *http.Request) (string, int) {
		if op == "ListMultipartUploads" {
			return "NotImplemented", http.StatusNotImplemented
		}
		return "", 0
	}}
}

// UploadListsByWholeName is MinIO: a prefix is taken for the name of an object.
func UploadListsByWholeName() Quirk {
	return Quirk{"lists uploads without a prefix only", func(op string, r *http.Request) (string, int) {
		if q := r.URL.Query(); op == "ListMultipartUploads" && q.Get("prefix") != "" {
			q.Set("prefix", q.Get("prefix")+"/there-is-no-such-object")
			r.URL.RawQuery = q.Encode()
		}
		return "", 0
	}}
}

// UnknownUser is versitygw 1.8 with an access key that it does not know.
func UnknownUser() Quirk {
	return Quirk{"answers 404 to wrong keys", func(op string, r *http.Request) (string, int) {
		return "XAdminUserNotFound", http.StatusNotFound
	}}
}

// RacesOfDirectories is versitygw 1.8, which removes a directory while somebody writes below it:
// the first n writes of each server are refused.
func RacesOfDirectories(n int64) Quirk {
	return refusesWrites(n, "loses races of its directories", "ExistingObjectIsDirectory")
}

// ConflictingUploads is Amazon's answer to writes of one object at the same time, for the first n.
func ConflictingUploads(n int64) Quirk {
	return refusesWrites(n, "answers 409 to writes at the same time", "ConditionalRequestConflict")
}

// refusesWrites answers the first n writes with 409 and a code.
func refusesWrites(n int64, name, code string) Quirk {
	var seen atomic.Int64
	return Quirk{name, func(op string, r *http.Request) (string, int) {
		if op == "PutObject" && seen.Add(1) <= n {
			return code, http.StatusConflict
		}
		return "", 0
	}}
}
