package s3

import (
	"errors"
	"net/http"
	"strings"

	"github.com/aws/smithy-go"
)

// deniedCodes are the error codes for keys, tokens and signatures that are wrong, expired or
// missing, and for calls that are not allowed. Some servers send them with a status other than 401
// and 403. They are from the documentation of Amazon S3, Google Cloud Storage, Cloudflare R2,
// Backblaze B2, Alibaba OSS and Oracle, and from the sources of Ceph RGW, MinIO, versitygw, rclone,
// gofakes3, moto, s3rver and Garage.
var deniedCodes = map[string]bool{}

func init() {
	for code := range strings.FieldsSeq(`
		AccessDenied AccessDeniedException AccessForbidden AccountProblem AllAccessDisabled AuthenticationRequired AuthFailure AuthorizationFailed
		AuthorizationHeaderMalformed AuthorizationParametersError AuthorizationQueryParametersError CredentialsNotSupported
		ExpiredAccessKey ExpiredToken ExpiredTokenException Forbidden IncompleteSignature InvalidAccessKey InvalidAccessKeyId InvalidAccessKeyID
		InvalidClientTokenId InvalidCredentials InvalidIdentityToken InvalidPayer InvalidSecurity InvalidSecurityToken InvalidSignature InvalidToken InvalidTokenId
		MalformedAuthorization MalformedSecurityHeader MissingAuthenticationToken MissingSecurityElement MissingSecurityHeader
		NoSuchUser NoSuchAccessKey NotAuthenticated NotAuthorized NotAuthorizedOrNotFound NotSignedUp OptInRequired RequestExpired
		RequestTimeTooSkewed SecurityTokenExpired SignatureDoesNotMatch TokenRefreshRequired Unauthorized UnauthorizedAccess UnauthorizedOperation
		UnrecognizedClientException UserDisable UserSuspended XAdminUserNotFound XMinioInvalidIAMCredentials`) {
		deniedCodes[strings.ToLower(code)] = true
	}
}

// deniedTexts identify a denial by the message of a 400 whose code does not say so, such as R2's
// "InvalidArgument: Credential access key has length 20, should be 32".
var deniedTexts = []string{"access key", "accesskey", "credential", "signature", "authorization header"}

func isDeniedCode(code string) bool { return deniedCodes[strings.ToLower(code)] }

// isDenial reports whether an answer rejects the caller rather than the request.
func isDenial(err error) bool {
	switch {
	case isDeniedCode(code(err)):
		return true
	case status(err) != http.StatusBadRequest:
		return false
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	text := strings.ToLower(api.ErrorMessage())
	for _, t := range deniedTexts {
		if strings.Contains(text, t) {
			return true
		}
	}
	return false
}
