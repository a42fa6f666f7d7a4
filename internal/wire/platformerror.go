package wire

import (
	"cmp"
	"slices"
)

// UnknownError is the error of unexpected failures, and what clients take names
// they do not know for.
const UnknownError = "UNKNOWN_ERROR"

// IsPlatformError reports whether a name is on the platform's list. Such a name
// travels as error, every other as extError (wire §4, §11).
func IsPlatformError(name string) bool {
	_, ok := PlatformErrorNumber(name)
	return ok
}

// PlatformErrorNumber returns the number of a platform error.
func PlatformErrorNumber(name string) (number int32, ok bool) {
	i, ok := slices.BinarySearchFunc(platformErrors, name, func(e enumName, name string) int {
		return cmp.Compare(e.name, name)
	})
	if !ok {
		return 0, false
	}
	return platformErrors[i].number, true
}

// PlatformErrorName returns the name of the platform error with this number. It
// searches the whole list.
func PlatformErrorName(number int32) (name string, ok bool) {
	for _, e := range platformErrors {
		if e.number == number {
			return e.name, true
		}
	}
	return "", false
}

// PlatformErrorNames returns a new list of all names, sorted.
func PlatformErrorNames() []string {
	names := make([]string, len(platformErrors))
	for i, e := range platformErrors {
		names[i] = e.name
	}
	return names
}

// platformErrors is sorted by name. Numbers that are missing are retired and must
// not be used again (wire §11.1).
var platformErrors = []enumName{
	{117, "AccountService_AccountAlreadyBoundToProviderType"},
	{121, "AccountService_AccountTagValidation"},
	{119, "AccountService_AlreadyExists"},
	{105, "AccountService_BadRequest"},
	{129, "AccountService_CannotUnlinkOnlyIdProvider"},
	{131, "AccountService_DisplayNameUpdateNotAllowed"},
	{110, "AccountService_DuplicateIdProvider"},
	{113, "AccountService_EmailSenderRequestError"},
	{114, "AccountService_EmailSenderServerError"},
	{101, "AccountService_Error"},
	{116, "AccountService_IdProviderAlreadyAssociated"},
	{126, "AccountService_IdProviderAuthenticationDisabled"},
	{128, "AccountService_IdProviderLinkingDisabled"},
	{106, "AccountService_IdProviderMissing"},
	{130, "AccountService_IdProviderUnexpectedResponse"},
	{127, "AccountService_InvalidIdProvider"},
	{132, "AccountService_JwtKeyNotFound"},
	{112, "AccountService_MissingFilter"},
	{102, "AccountService_NotFound"},
	{115, "AccountService_PlayerGroupCouldNotRemove"},
	{107, "AccountService_PlayerGroupNameCollision"},
	{111, "AccountService_PlayerGroupValidation"},
	{120, "AccountService_RanOutOfDiscriminators"},
	{124, "AccountService_TokenDecodeFailed"},
	{122, "AccountService_TokenExpired"},
	{123, "AccountService_TokenSignatureVerificationFailed"},
	{103, "AccountService_Unauthorized"},
	{104, "AccountService_Unverified"},
	{1503, "DataRightsService_ErrorFetchingAccountData"},
	{1501, "DataRightsService_RequestAlreadyInProgress"},
	{1504, "DataRightsService_RequestNotFound"},
	{1502, "DataRightsService_UnexpectedRequestType"},
	{1201, "Database_Error"},
	{815, "FleetService_AllocationError"},
	{812, "FleetService_GameServerVersionMismatch"},
	{816, "FleetService_InvalidLauncher"},
	{818, "FleetService_MultiplayAllocateForError"},
	{817, "FleetService_MultiplayRegionIdNotDefined"},
	{814, "FleetService_ServerPoolManagementPolicyConfigNotFound"},
	{813, "FleetService_ServerPoolNotFound"},
	{819, "FleetService_UnexpectedResponse"},
	{820, "FleetService_UnparseableResponse"},
	{821, "FleetService_UnsuccessfulResponse"},
	{1601, "FriendService_InternalError"},
	{417, "GameInstanceService_AlreadyLinked"},
	{408, "GameInstanceService_CannotDeclineReconnect"},
	{401, "GameInstanceService_CapacityRequestFailed"},
	{414, "GameInstanceService_CreateFailed"},
	{418, "GameInstanceService_DataStoreKeyExists"},
	{419, "GameInstanceService_DataStoreKeyNotFound"},
	{420, "GameInstanceService_DataStoreTooLarge"},
	{410, "GameInstanceService_FailedToLeaveMatchmaking"},
	{412, "GameInstanceService_FailedToUpdateMatchmakingGameInstance"},
	{409, "GameInstanceService_FailedToUpdateMatchmakingGameInstancePlayers"},
	{406, "GameInstanceService_GameInstanceAlreadyInMatchmaking"},
	{411, "GameInstanceService_GameInstanceNotInMatchmaking"},
	{416, "GameInstanceService_InternalError"},
	{415, "GameInstanceService_LeaveFailed"},
	{407, "GameInstanceService_MissingPlayerConnectionDetails"},
	{413, "GameInstanceService_PlayerJoinFailed"},
	{405, "GameInstanceService_PlayerNotInGameInstance"},
	{403, "GameInstanceService_UnknownGameInstanceId"},
	{1003, "GameManagementService_BadRequest"},
	{1011, "GameManagementService_DuplicateGameShardName"},
	{1008, "GameManagementService_FailedToRetrieveGameData"},
	{1001, "GameManagementService_FailedToSetAccessMode"},
	{1010, "GameManagementService_GameIdNotFound"},
	{1006, "GameManagementService_GameShardInvalid"},
	{1012, "GameManagementService_InvalidFilter"},
	{1007, "GameManagementService_LimitedAccessEventCannotModifyExistingEvent"},
	{1004, "GameManagementService_LimitedAccessEventNameMissing"},
	{1002, "GameManagementService_LimitedAccessEventNotFound"},
	{1005, "GameManagementService_LimitedAccessEventTimeInvalid"},
	{22, "INVALID_REQUEST_TYPE"},
	{517, "InventoryService_ApplyContentChangesDevelopmentOnly"},
	{521, "InventoryService_ApplyContentChangesError"},
	{510, "InventoryService_CatalogIdNotFound"},
	{512, "InventoryService_CatalogNotFound"},
	{530, "InventoryService_ContentNotFound"},
	{518, "InventoryService_CountContentVersionFailed"},
	{519, "InventoryService_CraftingEntryNotFound"},
	{522, "InventoryService_CrossContentValidationError"},
	{513, "InventoryService_DeleteAllConfigNotEnabled"},
	{515, "InventoryService_DeletePlayerInventoryConfigNotEnabled"},
	{516, "InventoryService_DeletePlayerInventoryFailed"},
	{520, "InventoryService_DestroyItemsFailed"},
	{527, "InventoryService_DoubleFulfillError"},
	{529, "InventoryService_EntitlementMappingConfigurationError"},
	{531, "InventoryService_EntitlementProviderError"},
	{528, "InventoryService_EntitlementProviderNotFound"},
	{501, "InventoryService_GetError"},
	{506, "InventoryService_GrantError"},
	{509, "InventoryService_InstanceNotFound"},
	{504, "InventoryService_InsufficientCurrencyError"},
	{523, "InventoryService_InvalidContentData"},
	{525, "InventoryService_InvalidContentType"},
	{524, "InventoryService_ItemBundleNotFound"},
	{508, "InventoryService_Overflow"},
	{526, "InventoryService_PlanContentChangesError"},
	{514, "InventoryService_PlayerDataMigrationFailed"},
	{511, "InventoryService_PlayerIdNotFound"},
	{505, "InventoryService_RequirementsNotMetError"},
	{507, "InventoryService_StackLimitExceeded"},
	{503, "InventoryService_StoreEntryNotFound"},
	{502, "InventoryService_StoreNotFound"},
	{804, "MatchCapacityService_AllocationError"},
	{811, "MatchCapacityService_GameServerZoneMismatch"},
	{807, "MatchCapacityService_GameVersionMismatch"},
	{809, "MatchCapacityService_InvalidLauncher"},
	{802, "MatchCapacityService_MultiplayAllocateForError"},
	{801, "MatchCapacityService_MultiplayAllocationFailed"},
	{810, "MatchCapacityService_MultiplayRegionIdNotDefined"},
	{808, "MatchCapacityService_ServerNotRequested"},
	{806, "MatchCapacityService_UnexpectedResponse"},
	{805, "MatchCapacityService_UnparseableResponse"},
	{803, "MatchCapacityService_UnsuccessfulResponse"},
	{605, "MatchmakingService_InfoNotAvailable"},
	{602, "MatchmakingService_MatchAlreadyStarted"},
	{604, "MatchmakingService_PartyTooBig"},
	{608, "MatchmakingService_PartyUpdateFailed"},
	{603, "MatchmakingService_PlayerAlreadyInQueue"},
	{607, "MatchmakingService_PlayerUpdateFailed"},
	{606, "MatchmakingService_PluginException"},
	{601, "MatchmakingService_QueueNotFound"},
	{902, "PartyService_AlreadyInParty"},
	{922, "PartyService_CanNotKickSelf"},
	{907, "PartyService_FailedToEnterMatchmaking"},
	{925, "PartyService_FailedToLeaveMatchmaking"},
	{918, "PartyService_GameServerNoLongerCompatible"},
	{912, "PartyService_InvalidSession"},
	{903, "PartyService_InvalidState"},
	{910, "PartyService_InviteNotFound"},
	{919, "PartyService_LeavePartyFailed"},
	{904, "PartyService_NotInParty"},
	{917, "PartyService_OverrideGameServerVersionDisabled"},
	{916, "PartyService_PartyClientVersionMismatch"},
	{911, "PartyService_PartyFull"},
	{901, "PartyService_PartyNotFound"},
	{926, "PartyService_PlayerInMatchmaking"},
	{921, "PartyService_PlayerIsKicked"},
	{924, "PartyService_PlayerIsLeader"},
	{920, "PartyService_PlayerNotFound"},
	{905, "PartyService_PlayerNotLeader"},
	{923, "PartyService_PlayersAlreadyInGameLoop"},
	{906, "PartyService_PlayersNotReady"},
	{927, "PartyService_RepeatInviteTooSoon"},
	{928, "PartyService_TooManyInvites"},
	{1307, "PaymentService_BadRequest"},
	{1306, "PaymentService_InvalidOrderState"},
	{1303, "PaymentService_InvalidProductEntry"},
	{1302, "PaymentService_InvalidSteamIdForOrderId"},
	{1301, "PaymentService_MissingSteamProviderAccount"},
	{1310, "PaymentService_PaymentPluginNotConfigured"},
	{1304, "PaymentService_SteamApiError"},
	{1308, "PaymentService_SteamApiFailureResult"},
	{1305, "PaymentService_SteamApiUnexpectedError"},
	{1311, "PaymentService_SteamLockedAccount"},
	{1309, "PaymentService_SteamTransactionFailure"},
	{1401, "PlayerDataService_InvalidSubServiceRpc"},
	{1402, "PlayerDataService_InvalidUniqueEntity"},
	{1203, "Serialization_Error"},
	{1202, "Service_OperatingError"},
	{2, "SessionService_FailedToRoute"},
	{20, "SessionService_RateLimited"},
	{21, "SessionService_RequestTooLarge"},
	{5, "SessionService_SessionNotFound"},
	{1, "SessionService_SessionUnavailable"},
	{6, "SessionService_TokenDoesNotMatchCurrentSession"},
	{4, "SessionService_WrongSessionType"},
	{1101, "TelemetryService_FailedToPersistEvent"},
	{1102, "TelemetryService_UnsupportedOperation"},
	{0, "UNKNOWN_ERROR"},
}
