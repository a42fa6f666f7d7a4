package wire

// DataScope says whose data store an entry belongs to; GameInstance_DataScope in
// wire §16.4.
type DataScope = Enum[dataScope]

type dataScope struct{}

// Scopes of data stores.
const (
	DataScopeUnknown  DataScope = 0
	DataScopeInstance DataScope = 1
	DataScopePlayer   DataScope = 2
)

func (dataScope) names() []enumName { return dataScopes }

var dataScopes = []enumName{{0, "UNKNOWN_SCOPE"}, {1, "INSTANCE"}, {2, "PLAYER"}}

// GameInstanceState says how far a game instance is (wire §16.4).
type GameInstanceState = Enum[gameInstanceState]

type gameInstanceState struct{}

// States of a game instance.
const (
	GameInstanceStateUnknown    GameInstanceState = 0
	GameInstanceStateCreated    GameInstanceState = 1
	GameInstanceStateAllocating GameInstanceState = 2
	GameInstanceStateLinked     GameInstanceState = 3
	GameInstanceStateRunning    GameInstanceState = 4
	GameInstanceStateEnded      GameInstanceState = 5
	GameInstanceStateTerminated GameInstanceState = 6
	GameInstanceStateExpired    GameInstanceState = 7
)

func (gameInstanceState) names() []enumName { return gameInstanceStates }

var gameInstanceStates = []enumName{
	{0, "UNKNOWN_STATE"},
	{1, "CREATED"},
	{2, "ALLOCATING"},
	{3, "LINKED"},
	{4, "RUNNING"},
	{5, "ENDED"},
	{6, "TERMINATED"},
	{7, "EXPIRED"},
}

// GameInstanceTerminationReason says why a game instance is over (wire §16.3).
type GameInstanceTerminationReason = Enum[gameInstanceTerminationReason]

type gameInstanceTerminationReason struct{}

// Reasons for the end of a game instance. Existing clients read those from 101
// on as 0; GameInstanceTerminationEnded is sent to partners only.
const (
	GameInstanceTerminationUnspecified            GameInstanceTerminationReason = 0
	GameInstanceTerminationKeepAliveFailed        GameInstanceTerminationReason = 1
	GameInstanceTerminationAbsoluteTimeoutElapsed GameInstanceTerminationReason = 2
	GameInstanceTerminationConnectPlayersTimeout  GameInstanceTerminationReason = 101
	GameInstanceTerminationExpired                GameInstanceTerminationReason = 102
	GameInstanceTerminationAllocationFailed       GameInstanceTerminationReason = 103
	GameInstanceTerminationOperator               GameInstanceTerminationReason = 104
	GameInstanceTerminationPlugin                 GameInstanceTerminationReason = 105
	GameInstanceTerminationEnded                  GameInstanceTerminationReason = 106
)

func (gameInstanceTerminationReason) names() []enumName { return gameInstanceTerminationReasons }

var gameInstanceTerminationReasons = []enumName{
	{0, "UNSPECIFIED"},
	{1, "KEEP_ALIVE_FAILED"},
	{2, "ABSOLUTE_TIMEOUT_ELAPSED"},
	{101, "CONNECT_PLAYERS_TIMEOUT"},
	{102, "EXPIRED"},
	{103, "ALLOCATION_FAILED"},
	{104, "OPERATOR"},
	{105, "PLUGIN"},
	{106, "ENDED"},
}
