package wire

// The calls by which waiting game servers ask for work (wire §7.6, §16.10).

// MatchCapacityReportCapacityV2Request is the older of the two calls.
type MatchCapacityReportCapacityV2Request struct {
	ServerID       string `json:"serverId"`
	TotalCapacity  Int32  `json:"totalCapacity"`
	UsedCapacity   Int32  `json:"usedCapacity"`
	GameVersion    string `json:"gameVersion"`
	GameServerZone string `json:"gameServerZone"`
}

// FleetReportCapacityV1Request is the newer of the two calls.
type FleetReportCapacityV1Request struct {
	ServerID      string `json:"serverId"`
	ServerPoolID  string `json:"serverPoolId"`
	TotalCapacity Int32  `json:"totalCapacity"`
	UsedCapacity  Int32  `json:"usedCapacity"`
}

// FleetReportCapacityV1Response names the instances the server is to run.
type FleetReportCapacityV1Response struct {
	NextHeartbeatPeriodMillis Int64  `json:"nextHeartbeatPeriodMillis"`
	GameInstanceIDs           []UUID `json:"gameInstanceIds"`
}

// MatchCapacityReportCapacityV2Response is the same answer.
type MatchCapacityReportCapacityV2Response = FleetReportCapacityV1Response
