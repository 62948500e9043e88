package s3

import (
	"errors"
	"net/http"
	"strings"

	"github.com/aws/smithy-go"
)

// deniedCodes are what servers answer to keys, tokens and signatures that are wrong, too old or not
// there, and to calls that they do not allow. Some give them another status than 401 and 403. From
// the lists of error codes of Amazon S3, Google Cloud Storage, Cloudflare R2, Backblaze B2, Alibaba
// OSS and Oracle, and from the sources of Ceph RGW, MinIO, versitygw, rclone, gofakes3, moto,
// s3rver and Garage.
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

// deniedTexts are in messages of 400 with a code that says nothing, such as "InvalidArgument:
// Credential access key has length 20, should be 32" of R2.
var deniedTexts = []string{"access key", "accesskey", "credential", "signature", "authorization header"}

func isDeniedCode(code string) bool { return deniedCodes[strings.ToLower(code)] }

// isDenial reports whether an answer is about who asks, and not about what is asked for.
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
