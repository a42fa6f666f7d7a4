package authcode

import (
	"net/http"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// Errors of redeeming (escs §8). The first two are errors of the title: they
// travel as extError, with the documented number in the application error. The
// values are not to be changed.
var (
	// ErrCodeNotFound is a code that is unknown, has been used, or was cleaned
	// away: AUTH_CODE_NOT_FOUND, 10001. The player needs a new one.
	ErrCodeNotFound = titleError(pragma.NotFound, "AUTH_CODE_NOT_FOUND", 10001, "no such code")
	// ErrCodeExpired is a code that is older than authCodeTTL and not yet cleaned
	// away: AUTH_CODE_EXPIRED, 10002. The player needs a new one.
	ErrCodeExpired = titleError(pragma.FailedPrecondition, "AUTH_CODE_EXPIRED", 10002, "the code has expired")
	// ErrUnauthorized is a wrong application id or secret. The code is not used
	// up. Over HTTP the status is 403.
	ErrUnauthorized = &pragma.Error{
		Code: pragma.PermissionDenied, Reason: "AccountService_Unauthorized", Message: "wrong application id or secret",
		Type: "AccountRpc.UnauthorizedApplicationError", HTTPStatus: http.StatusForbidden,
	}
)

// reason is the payload of the application error beside a title error.
type reason struct {
	Reason string `json:"reason"`
	Number int    `json:"number"`
}

func titleError(code pragma.Code, name string, number int, message string) *pragma.Error {
	return &pragma.Error{
		Code: code, Reason: name, Title: true, Message: message,
		Type: "AuthCodeRpc.ReasonApplicationError", Detail: ext.Of(reason{name, number}),
	}
}
