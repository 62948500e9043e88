package azblob

import (
	"encoding/xml"
	"net/http"
	"strings"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/rest"
)

// meanings are the codes that say something else than their status, or more. They are from
// "Blob service error codes" and "Common REST API error codes" in the reference of the service.
var meanings = map[string]error{
	"BlobNotFound":      store.ErrNotFound,
	"ResourceNotFound":  store.ErrNotFound, // also that of a container, to a HEAD of some servers
	"ContainerNotFound": store.ErrNoStore, "ContainerBeingDeleted": store.ErrNoStore, "ContainerDisabled": store.ErrNoStore,
	"InvalidResourceName": store.ErrNoStore, "AccountIsDisabled": store.ErrDenied,
	"ConditionNotMet": store.ErrConflict, "TargetConditionNotMet": store.ErrConflict, "BlobAlreadyExists": store.ErrConflict,
	"AuthenticationFailed": store.ErrDenied, "NoAuthenticationInformation": store.ErrDenied, "InvalidAuthenticationInfo": store.ErrDenied,
	"AuthorizationFailure": store.ErrDenied, "AuthorizationPermissionMismatch": store.ErrDenied, "InsufficientAccountPermissions": store.ErrDenied,
	"AuthorizationProtocolMismatch": store.ErrDenied, "AuthorizationSourceIPMismatch": store.ErrDenied,
	"AuthorizationServiceMismatch": store.ErrDenied, "AuthorizationResourceTypeMismatch": store.ErrDenied,
	"KeyBasedAuthenticationNotPermitted": store.ErrDenied, "PublicAccessNotPermitted": store.ErrDenied,
	"InvalidRange":             rest.ErrRange,
	"UnsupportedHeader":        store.ErrUnsupported,
	"BlobImmutableDueToPolicy": store.ErrDenied,
	"BlobArchived":             store.ErrUnsupported,
	"BlobTypeNotSupported":     store.ErrUnsupported,
	"InvalidBlobType":          store.ErrUnsupported,
	"FeatureNotYetSupportedForHierarchicalNamespaceAccounts": store.ErrUnsupported,
}

// advice says how to mend the commonest mistakes.
var advice = map[string]string{
	"AuthorizationPermissionMismatch":    "the identity needs the role Storage Blob Data Contributor, or Reader, on the container; Owner and Contributor do not include it",
	"KeyBasedAuthenticationNotPermitted": "the account takes no keys: leave AZURE_STORAGE_KEY and AZURE_STORAGE_SAS_TOKEN unset, and use an identity",
	"AuthorizationFailure":               "does the firewall of the account let this machine in?",
	"AuthenticationFailed":               "is the key or the signature that of this account and still valid, and the clock right?",
	"PublicAccessNotPermitted":           "no credentials were sent",
	"NoAuthenticationInformation":        "no credentials were sent",
}

// refused reads an answer that is an error.
func (s *container) refused(_ string, resp *http.Response) *rest.Answer {
	a := &rest.Answer{Status: resp.StatusCode, Code: rest.Line(resp.Header.Get("X-Ms-Error-Code"))}
	var body struct {
		Code    string
		Message string
	}
	if data := rest.Text(resp); xml.Unmarshal(trimBOM(data), &body) == nil {
		if a.Code == "" {
			a.Code = rest.Line(body.Code)
		}
		a.Message = rest.Line(body.Message)
	}
	a.Sentinel = rest.Meaning(a.Status)
	if m, ok := meanings[a.Code]; ok {
		a.Sentinel = m
	}
	if a.Code == "" && a.Sentinel == store.ErrNotFound && resp.Header.Get("X-Ms-Version") == "" && resp.Header.Get("X-Ms-Request-Id") == "" {
		// Not an answer of the service: nobody must take the page of a proxy for a miss.
		a.Sentinel = store.ErrUnreachable
		a.Message = "the answer is not that of Azure Blob Storage; is the endpoint right?"
	}
	if text := advice[a.Code]; text != "" {
		a.Message = strings.TrimSpace(a.Message + " (" + text + ")")
	}
	return a
}

func trimBOM(data []byte) []byte {
	return []byte(strings.TrimPrefix(string(data), "\ufeff"))
}
