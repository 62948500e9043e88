package s3

import (
	"errors"
	"strings"
)

// What is wrong with the credentials of a request, where the server says so. An error that is one
// of these, or ErrExpired, is store.ErrDenied, too. Answers to HEAD have no code, and so no reason.
var (
	ErrUnknownKey  = errors.New("the server does not know the access key")
	ErrWrongSecret = errors.New("the signature is not that of the access key")
	ErrClock       = errors.New("the clock is not that of the server")
)

// reasons are by code, in lower case; deniedCodes says whose codes they are.
var reasons = map[string]error{}

func init() {
	for reason, codes := range map[error]string{
		ErrUnknownKey:  "InvalidAccessKey InvalidAccessKeyId InvalidClientTokenId NoSuchAccessKey NoSuchUser XAdminUserNotFound",
		ErrWrongSecret: "SignatureDoesNotMatch InvalidSignature",
		ErrExpired:     "ExpiredAccessKey ExpiredToken ExpiredTokenException SecurityTokenExpired TokenRefreshRequired",
		ErrClock:       "RequestTimeTooSkewed RequestExpired",
	} {
		for code := range strings.FieldsSeq(codes) {
			reasons[strings.ToLower(code)] = reason
		}
	}
}

// isReason reports whether target is what is wrong with the credentials by this code.
func isReason(code string, target error) bool {
	reason, ok := reasons[strings.ToLower(code)]
	return ok && target == reason
}
