package wire_test

import (
	"encoding"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/internal/wire"
)

var (
	_ encoding.TextAppender = wire.UUID{}
	_ json.UnmarshalerFrom  = (*wire.UUID)(nil)
	_ json.MarshalerTo      = wire.Int64(0)
	_ json.UnmarshalerFrom  = (*wire.Int32)(nil)
	_ json.MarshalerTo      = wire.SessionTypeNone
)

// lenient has one member of every type that reads more than it writes.
type lenient struct {
	ID       wire.UUID                        `json:"id,omitzero"`
	Long     wire.Int64                       `json:"long"`
	Short    wire.Int32                       `json:"short"`
	Reason   wire.PartyRemovalReason          `json:"reason"`
	Provider wire.IDProvider                  `json:"provider"`
	List     wire.LenientList[map[string]int] `json:"list"`
}

const anID = "5d1f0a52-6d0e-4b7c-9a4e-2c7b90a1f301"

func TestLenientTypesReadWhatClientsSend(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"id", `{"id":"` + anID + `"}`, `"id":"` + anID + `"`},
		{"id in capitals", `{"id":"5D1F0A52-6D0E-4B7C-9A4E-2C7B90A1F301"}`, `"id":"` + anID + `"`},
		{"id without dashes", `{"id":"5d1f0a526d0e4b7c9a4e2c7b90a1f301"}`, `"id":"` + anID + `"`},
		{"id with an escape", `{"id":"\u0035d1f0a52-6d0e-4b7c-9a4e-2c7b90a1f301"}`, `"id":"` + anID + `"`},
		{"empty id", `{"id":""}`, `"long":"0"`},
		{"zero id", `{"id":"00000000-0000-0000-0000-000000000000"}`, `"long":"0"`},
		{"null id", `{"id":null}`, `"long":"0"`},
		{"long as text", `{"long":"9223372036854775807"}`, `"long":"9223372036854775807"`},
		{"long as a number", `{"long":-9223372036854775808}`, `"long":"-9223372036854775808"`},
		{"long beyond float precision", `{"long":9007199254740993}`, `"long":"9007199254740993"`},
		{"long with a fraction", `{"long":"3.000"}`, `"long":"3"`},
		{"null long", `{"long":null}`, `"long":"0"`},
		{"short as a number", `{"short":4}`, `"short":4`},
		{"short with a fraction", `{"short":4.0}`, `"short":4`},
		{"short as text", `{"short":"-2147483648"}`, `"short":-2147483648`},
		{"null short", `{"short":null}`, `"short":0`},
		{"enum by name", `{"reason":"LEFT"}`, `"reason":"LEFT"`},
		{"enum by number", `{"reason":4}`, `"reason":"LEFT"`},
		{"enum by number as text", `{"reason":"4"}`, `"reason":"LEFT"`},
		{"enum with an unknown name", `{"reason":"left"}`, `"reason":"REMOVAL_REASON_UNSPECIFIED"`},
		{"enum with a retired number", `{"reason":1}`, `"reason":"REMOVAL_REASON_UNSPECIFIED"`},
		{"enum with a fraction", `{"reason":4.5}`, `"reason":"REMOVAL_REASON_UNSPECIFIED"`},
		{"null enum", `{"reason":null}`, `"reason":"REMOVAL_REASON_UNSPECIFIED"`},
		{"provider by name", `{"provider":"STEAM"}`, `"provider":"STEAM"`},
		{"provider by number", `{"provider":1}`, `"provider":"UNSAFE"`},
		{"provider of a title", `{"provider":"DEMO_EXT"}`, `"provider":"DEMO_EXT"`},
		{"provider of a title by number", `{"provider":101}`, `"provider":"101"`},
		{"null provider", `{"provider":null}`, `"provider":""`},
		{"list", `{"list":[{"a":1}]}`, `"list":[{"a":1}]`},
		{"empty object for a list", `{"list":{ }}`, `"list":[]`},
		{"null list", `{"list":null}`, `"list":[]`},
		{"no member at all", `{}`, `{"long":"0","short":0,"reason":"REMOVAL_REASON_UNSPECIFIED","provider":"","list":[]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var v lenient
			if err := wire.Unmarshal([]byte(tt.text), &v); err != nil {
				t.Fatal(err)
			}
			got, err := wire.Marshal(&v)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(got), tt.want) {
				t.Errorf("written = %s, want %s in it", got, tt.want)
			}
			if strings.Contains(tt.want, `"long":"0"`) && strings.Contains(string(got), `"id"`) {
				t.Errorf("an id that means none was written: %s", got)
			}
		})
	}
}

func TestDecodeErrorsNameThePlaceAndTheWish(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"word for an id", `{"id":"hunter2"}`, "at /id: want a UUID, got text"},
		{"id with a bad letter", `{"id":"5d1f0a52-6d0e-4b7c-9a4e-2c7b90a1f30x"}`, "at /id: want a UUID, got text"},
		{"id with dashes elsewhere", `{"id":"5d1f0a5-26d0e-4b7c-9a4e-2c7b90a1f301"}`, "at /id: want a UUID, got text"},
		{"template text for an id", `{"id":"{{player5}}"}`, "at /id: want a UUID, got text"},
		{"number for an id", `{"id":7}`, "at /id: want a UUID, got a number"},
		{"long out of range", `{"long":"9223372036854775808"}`, "at /long: want a whole number of 64 bits, got text"},
		{"word for a long", `{"long":"hunter2"}`, "at /long: want a whole number of 64 bits, got text"},
		{"empty text for a long", `{"long":""}`, "at /long: want a whole number of 64 bits, got text"},
		{"plus sign", `{"long":"+1"}`, "at /long: want a whole number of 64 bits, got text"},
		{"underscore", `{"long":"1_000"}`, "at /long: want a whole number of 64 bits, got text"},
		{"short out of range", `{"short":2147483648}`, "at /short: want a whole number of 32 bits, got a number"},
		{"fraction", `{"short":4.5}`, "at /short: want a whole number of 32 bits, got a number"},
		{"bare point", `{"short":"4."}`, "at /short: want a whole number of 32 bits, got text"},
		{"list for a short", `{"short":[]}`, "at /short: want a whole number of 32 bits, got a list"},
		{"truth for an enum", `{"reason":true}`, "at /reason: want the name or number of an enum value, got a boolean"},
		{"object for a provider", `{"provider":{}}`, "at /provider: want the name or number of an enum value, got an object"},
		{"full object for a list", `{"list":{"a":1}}`, "at /list: want a list, got an object"},
		{"text for a list", `{"list":"hunter2"}`, "at /list: want a list, got text"},
		{"inside a list", `{"list":[{},{"a":"hunter2"}]}`, "at /list/1/a: want a number, got text"},
		{"duplicate member", `{"short":1,"short":2}`, "at /short: want each member once"},
		{"one member in two spellings", `{"short":1,"SHORT":2}`, "at /SHORT: want each member once"},
		{"duplicate in an unknown member", `{"x":{"a":1,"a":2}}`, "at /x/a: want each member once"},
		{"invalid UTF-8", "{\"provider\":\"\xff\"}", "at /provider: want valid JSON"},
		{"half a message", `{"short":`, "at /short: want valid JSON"},
		{"more than a message", `{}{}`, "want valid JSON"},
		{"list for the message", `["hunter2"]`, "want an object, got a list"},
		{"too deep", strings.Repeat(`{"a":`, 64) + "{}" + strings.Repeat("}", 64), "want less nesting"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var v lenient
			err := wire.Unmarshal([]byte(tt.text), &v)
			var decode *wire.DecodeError
			if !errors.As(err, &decode) {
				t.Fatalf("Unmarshal = %v, want a DecodeError", err)
			}
			if got, want := err.Error(), "decode message: "+tt.want; got != want {
				t.Errorf("error = %q, want %q", got, want)
			}
		})
	}
}

func TestPlainMembersAreDescribedInErrors(t *testing.T) {
	var v struct {
		Text string         `json:"text"`
		Flag bool           `json:"flag"`
		Map  map[string]int `json:"map"`
		Real float64        `json:"real"`
	}
	for _, tt := range []struct{ text, want string }{
		{`{"text":1}`, "decode message: at /text: want text, got a number"},
		{`{"flag":"true"}`, "decode message: at /flag: want true or false, got text"},
		{`{"map":[]}`, "decode message: at /map: want an object, got a list"},
		{`{"real":"1"}`, "decode message: at /real: want a number, got text"},
	} {
		err := wire.Unmarshal([]byte(tt.text), &v)
		if err == nil || err.Error() != tt.want {
			t.Errorf("Unmarshal(%s) = %v, want %s", tt.text, err, tt.want)
		}
	}
}

func TestPathInErrorIsShort(t *testing.T) {
	var v map[string]bool
	err := wire.Unmarshal([]byte(`{"`+strings.Repeat("ü", 5000)+`":1}`), &v)
	if text := err.Error(); len(text) > 200 {
		t.Errorf("error has %d bytes", len(text))
	}
}

func TestNestingLimits(t *testing.T) {
	nested := func(depth int) []byte {
		return []byte(strings.Repeat(`{"a":[`, depth/2) + strings.Repeat("]}", depth/2))
	}
	var v wire.Empty
	if err := wire.Unmarshal(nested(wire.MaxDepth), &v); err != nil {
		t.Errorf("Unmarshal at the limit: %v", err)
	}
	if err := wire.Unmarshal(nested(wire.MaxDepth+2), &v); err == nil {
		t.Error("Unmarshal accepts what is beyond the limit")
	}
	if err := wire.UnmarshalReply(nested(wire.MaxDepth+16), &v); err != nil {
		t.Errorf("UnmarshalReply at its limit: %v", err)
	}
	if err := wire.UnmarshalReply(nested(wire.MaxDepth+18), &v); err == nil {
		t.Error("UnmarshalReply accepts what is beyond its limit")
	}
	flat := `{"a":[` + strings.Repeat("{},", 100) + `{}],"b":"` + strings.Repeat(`[{\"`, 100) + `"}`
	if err := wire.Unmarshal([]byte(flat), &v); err != nil {
		t.Errorf("Unmarshal of many brackets side by side and in text: %v", err)
	}
}

func TestWritingKeepsTextPlain(t *testing.T) {
	got, err := wire.Marshal(wire.DisplayName{DisplayName: "<Zoë> & 😀\u2028"})
	want := "{\"displayName\":\"<Zoë> & 😀\u2028\",\"discriminator\":\"\"}"
	if err != nil || string(got) != want {
		t.Errorf("Marshal = %s, %v, want %s", got, err, want)
	}
	if _, err := wire.Marshal(wire.DisplayName{DisplayName: "\xff"}); err == nil {
		t.Error("invalid UTF-8 was written")
	}
}

func TestAppendJSONLeavesTheBufferAloneAfterAnError(t *testing.T) {
	dst := []byte("before")
	got, err := wire.AppendJSON(dst, wire.DisplayName{DisplayName: "\xff"})
	if err == nil || string(got) != "before" {
		t.Errorf("AppendJSON = %s, %v, want the old text and an error", got, err)
	}
	got, err = wire.AppendJSON(dst, wire.Empty{})
	if err != nil || string(got) != "before{}" {
		t.Errorf("AppendJSON = %s, %v, want before{}", got, err)
	}
}

func TestUUIDText(t *testing.T) {
	u, err := wire.ParseUUID(anID)
	if err != nil || u.String() != anID || u.IsZero() {
		t.Fatalf("ParseUUID = %v, %v", u, err)
	}
	kept := u
	if err := kept.UnmarshalText([]byte("nonsense")); err == nil || kept != u {
		t.Errorf("UnmarshalText = %v, kept %v; want an error and the old id", err, kept)
	}
	got, err := wire.Marshal(map[wire.UUID][]wire.UUID{u: {u, {}}})
	want := `{"` + anID + `":["` + anID + `","00000000-0000-0000-0000-000000000000"]}`
	if err != nil || string(got) != want {
		t.Errorf("Marshal = %s, %v, want %s", got, err, want)
	}
	var back map[wire.UUID][]wire.UUID
	if err := wire.Unmarshal(got, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(back, map[wire.UUID][]wire.UUID{u: {u, {}}}); diff != "" {
		t.Errorf("round trip differs (-got +want):\n%s", diff)
	}
	if text, err := u.MarshalText(); err != nil || string(text) != anID {
		t.Errorf("MarshalText = %s, %v", text, err)
	}
}

func TestEnumsWithoutANameAreWrittenAsTheFirst(t *testing.T) {
	if got := wire.SessionTerminationReason(99).String(); got != "UNKNOWN_SESSION_TERMINATION_REASON" {
		t.Errorf("String() = %s", got)
	}
}

// TestEnumTables spells every enum out, so that a slip in a table or a constant
// shows up as a difference.
func TestEnumTables(t *testing.T) {
	got := []string{
		enum(wire.SessionStateUnknown, wire.SessionStateConnected, wire.SessionStateDetached),
		enum(wire.SessionTypeNone, wire.SessionTypePlayer, wire.SessionTypePartner, wire.SessionTypeOperator, wire.SessionTypeService),
		enum(wire.BackendTypeInvalid, wire.BackendTypeSocial, wire.BackendTypeGame),
		enum(wire.MessageTypeInternal, wire.MessageTypeRequest, wire.MessageTypeResponse, wire.MessageTypeNotification),
		enum(wire.SessionTerminationUnknown, wire.SessionTerminationAsRequested, wire.SessionTerminationClusterShutdown,
			wire.SessionTerminationKicked, wire.SessionTerminationUsurped, wire.SessionTerminationExpired),
		enum(wire.StatusErrorUnknown, wire.StatusInternalError, wire.StatusOK, wire.StatusServiceError,
			wire.StatusShuttingDown, wire.StatusBadSession, wire.StatusBadParam),
		enum(wire.PartyRemovalUnspecified, wire.PartyRemovalKicked, wire.PartyRemovalLeft, wire.PartyRemovalDisconnected,
			wire.PartyRemovalExpired, wire.PartyRemovalGameClientsIncompatible, wire.PartyRemovalPartyClosed),
		enum(wire.PartyInviteCancelUnknown, wire.PartyInviteCancelCanceled, wire.PartyInviteCancelReplaced,
			wire.PartyInviteCancelExpired, wire.PartyInviteCancelPartyClosed),
		enum(wire.MatchmakingFailureUnspecified, wire.MatchmakingFailureGameServerVersionNoLongerCompatible),
		enum(wire.DataScopeUnknown, wire.DataScopeInstance, wire.DataScopePlayer),
		enum(wire.GameInstanceStateUnknown, wire.GameInstanceStateCreated, wire.GameInstanceStateAllocating,
			wire.GameInstanceStateLinked, wire.GameInstanceStateRunning, wire.GameInstanceStateEnded,
			wire.GameInstanceStateTerminated, wire.GameInstanceStateExpired),
		enum(wire.GameInstanceTerminationUnspecified, wire.GameInstanceTerminationKeepAliveFailed,
			wire.GameInstanceTerminationAbsoluteTimeoutElapsed, wire.GameInstanceTerminationConnectPlayersTimeout,
			wire.GameInstanceTerminationExpired, wire.GameInstanceTerminationAllocationFailed,
			wire.GameInstanceTerminationOperator, wire.GameInstanceTerminationPlugin, wire.GameInstanceTerminationEnded),
		enum(wire.InstancedDeltaUnknown, wire.InstancedDeltaAdded, wire.InstancedDeltaRemoved, wire.InstancedDeltaUpdated),
		enum(wire.EntitlementUnused, wire.EntitlementPending, wire.EntitlementCompleted),
		enum(wire.EpicOfferUnknown, wire.EpicOfferConsumable, wire.EpicOfferAddon, wire.EpicOfferEdition,
			wire.EpicOfferGame, wire.EpicOfferDemo, wire.EpicOfferDigitalExtra, wire.EpicOfferSeasonPass),
		enum(wire.OrderStatusUnused, wire.OrderStatusInitialized, wire.OrderStatusPaymentProcessed, wire.OrderStatusFulfilled,
			wire.OrderStatusFailed, wire.OrderStatusRevocable, wire.OrderStatusPartiallyRevocable),
		enum(wire.PaymentProviderUnused, wire.PaymentProviderSteam),
		enum(wire.DataRightsRequestNone, wire.DataRightsRequestAccountDeletion, wire.DataRightsRequestPersonalData),
		enum(wire.DataRightsStatusNone, wire.DataRightsStatusInProgress, wire.DataRightsStatusReady,
			wire.DataRightsStatusFulfilled, wire.DataRightsStatusFailed, wire.DataRightsStatusCanceled),
		enum(wire.SearchEmailVerifiedDisabled, wire.SearchEmailVerifiedUnverified, wire.SearchEmailVerifiedVerified),
	}
	want := []string{
		"UNKNOWN_SESSION_STATE CONNECTED DETACHED",
		"NONE PLAYER PARTNER OPERATOR SERVICE",
		"INVALID SOCIAL GAME",
		"INTERNAL REQUEST RESPONSE NOTIFICATION",
		"UNKNOWN_SESSION_TERMINATION_REASON AS_REQUESTED CLUSTER_SHUTDOWN KICKED USURPED EXPIRED",
		"ERROR_UNKNOWN INTERNAL_ERROR OK SERVICE_ERROR SHUTTING_DOWN BAD_SESSION BAD_PARAM",
		"REMOVAL_REASON_UNSPECIFIED KICKED LEFT DISCONNECTED EXPIRED GAME_CLIENTS_INCOMPATIBLE_WITH_GAME_SERVER PARTY_CLOSED",
		"UNKNOWN_INVITE_CANCEL_REASON CANCELED REPLACED EXPIRED PARTY_CLOSED",
		"UNSPECIFIED GAME_SERVER_VERSION_NO_LONGER_COMPATIBLE",
		"UNKNOWN_SCOPE INSTANCE PLAYER",
		"UNKNOWN_STATE CREATED ALLOCATING LINKED RUNNING ENDED TERMINATED EXPIRED",
		"UNSPECIFIED KEEP_ALIVE_FAILED ABSOLUTE_TIMEOUT_ELAPSED CONNECT_PLAYERS_TIMEOUT EXPIRED ALLOCATION_FAILED OPERATOR PLUGIN ENDED",
		"UNKNOWN ADDED REMOVED UPDATED",
		"UNUSED_STATUS ENTITLEMENT_PENDING ENTITLEMENT_COMPLETED",
		"UNKNOWN_OFFER_TYPE CONSUMABLE ADDON EDITION GAME DEMO DIGITAL_EXTRA SEASON_PASS",
		"UNUSED_STATUS INITIALIZED PAYMENT_PROCESSED ORDER_FULFILLED FAILED REVOCABLE PARTIALLY_REVOCABLE",
		"UNUSED_PAYMENT_PROVIDER STEAM",
		"NO_REQUEST_TYPE ACCOUNT_DELETION PERSONAL_DATA",
		"NO_STATUS IN_PROGRESS READY FULFILLED FAILED CANCELED",
		"DISABLED UNVERIFIED VERIFIED",
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("names differ (-got +want):\n%s", diff)
	}
}

func enum[E interface{ String() string }](values ...E) string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = v.String()
	}
	return strings.Join(names, " ")
}

func TestInt64CoversItsRange(t *testing.T) {
	for _, n := range []wire.Int64{0, -1, math.MaxInt64, math.MinInt64} {
		text, err := wire.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		var back wire.Int64
		if err := wire.Unmarshal(text, &back); err != nil || back != n {
			t.Errorf("round trip of %d = %d, %v", n, back, err)
		}
	}
}
