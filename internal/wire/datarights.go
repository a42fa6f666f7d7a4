package wire

// The enums of DataRightsRpc (wire §11.4).

// DataRightsRequestType says what an account holder asks for.
type DataRightsRequestType = Enum[dataRightsRequestType]

type dataRightsRequestType struct{}

// Types of data rights requests.
const (
	DataRightsRequestNone            DataRightsRequestType = 0
	DataRightsRequestAccountDeletion DataRightsRequestType = 1
	DataRightsRequestPersonalData    DataRightsRequestType = 2
)

func (dataRightsRequestType) names() []enumName { return dataRightsRequestTypes }

var dataRightsRequestTypes = []enumName{{0, "NO_REQUEST_TYPE"}, {1, "ACCOUNT_DELETION"}, {2, "PERSONAL_DATA"}}

// DataRightsRequestStatus says how far such a request is.
type DataRightsRequestStatus = Enum[dataRightsRequestStatus]

type dataRightsRequestStatus struct{}

// Statuses of data rights requests.
const (
	DataRightsStatusNone       DataRightsRequestStatus = 0
	DataRightsStatusInProgress DataRightsRequestStatus = 1
	DataRightsStatusReady      DataRightsRequestStatus = 2
	DataRightsStatusFulfilled  DataRightsRequestStatus = 3
	DataRightsStatusFailed     DataRightsRequestStatus = 4
	DataRightsStatusCanceled   DataRightsRequestStatus = 5
)

func (dataRightsRequestStatus) names() []enumName { return dataRightsRequestStatuses }

var dataRightsRequestStatuses = []enumName{
	{0, "NO_STATUS"},
	{1, "IN_PROGRESS"},
	{2, "READY"},
	{3, "FULFILLED"},
	{4, "FAILED"},
	{5, "CANCELED"},
}
