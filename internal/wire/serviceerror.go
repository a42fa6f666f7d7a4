package wire

import "github.com/openpragma/engine/pragma/ext"

// ServiceError is the refusal of a call, or of a frame that was none (wire §4).
type ServiceError struct {
	RequestID int64          `json:"requestId"` // 0 if it could not be read
	Status    ResponseStatus `json:"status"`
	// Error is a name from the platform's list, ExtError one of the title's.
	// Exactly one of them is set.
	Error    string `json:"error,omitzero"`
	ExtError string `json:"extError,omitzero"`
	TraceID  string `json:"traceId"`
	// DebugDetails starts with "<error name>: <message>".
	DebugDetails     []string          `json:"debugDetails"`
	ApplicationError *ApplicationError `json:"applicationError,omitzero"`
}

// Name returns the error's name, whichever of the two lists it is from.
func (e *ServiceError) Name() string {
	if e.ExtError != "" {
		return e.ExtError
	}
	return e.Error
}

// ApplicationError is the detail a service or a plugin adds (wire §16.8).
type ApplicationError struct {
	Type    string    `json:"type"`
	Payload ext.Value `json:"payload"`
}

// ResponseStatus sorts refusals; ResponseStatusCode in wire §4.
type ResponseStatus = Enum[responseStatus]

type responseStatus struct{}

// Response statuses.
const (
	StatusErrorUnknown  ResponseStatus = 0
	StatusInternalError ResponseStatus = 1
	StatusOK            ResponseStatus = 2
	StatusServiceError  ResponseStatus = 3
	StatusShuttingDown  ResponseStatus = 4
	StatusBadSession    ResponseStatus = 5
	StatusBadParam      ResponseStatus = 6
)

func (responseStatus) names() []enumName { return responseStatuses }

var responseStatuses = []enumName{
	{0, "ERROR_UNKNOWN"},
	{1, "INTERNAL_ERROR"},
	{2, "OK"},
	{3, "SERVICE_ERROR"},
	{4, "SHUTTING_DOWN"},
	{5, "BAD_SESSION"},
	{6, "BAD_PARAM"},
}
