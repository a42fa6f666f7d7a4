package wire

// The calls of ExternalMatchmakingRpc about results (escs E11).

// ExternalMatchmakingResendResultsOperatorV1Request has the results of a set sent
// again. The answer is empty. An empty round means that of the set.
type ExternalMatchmakingResendResultsOperatorV1Request struct {
	SetID   string `json:"setId"`
	RoundID string `json:"roundId"`
}
