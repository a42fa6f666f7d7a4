package wire

import (
	"bytes"
	"math"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/openpragma/engine/pragma/ext"
)

// EscsSetStart is a set start in any of the forms in which it may come, since the
// other side's format is not public (escs E3): bare, or under setStart, payload or
// data; with participants or pariticipants; teams as lists of players or as objects
// with players; the end in seconds or milliseconds, as text or as a number; the
// round beside the set or beside its first player. It is written as the payload.
type EscsSetStart struct {
	EscsSetStartPayload
	// Raw is the text of the payload as it came.
	Raw ext.Value `json:"-"`
}

// MarshalJSONTo implements [json.MarshalerTo].
func (s EscsSetStart) MarshalJSONTo(enc *jsontext.Encoder) error {
	return json.MarshalEncode(enc, &s.EscsSetStartPayload)
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (s *EscsSetStart) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	raw, err := dec.ReadValue()
	if err != nil || raw.Kind() == 'n' {
		return err
	}
	if raw.Kind() != '{' {
		return mismatch("a set start").not(raw.Kind())
	}
	return s.read(raw.Clone(), dec.Options())
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom]: the request itself may be
// the set start.
func (r *ExternalMatchmakingSetStartV1Request) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return r.SetStart.UnmarshalJSONFrom(dec)
}

// escsWrapping is how often a set start may be wrapped: an envelope's payload in
// an envelope of theirs.
const escsWrapping = 3

func (s *EscsSetStart) read(raw jsontext.Value, opts json.Options) error {
	for range escsWrapping {
		var w struct {
			SetStart jsontext.Value `json:"setStart"`
			Payload  jsontext.Value `json:"payload"`
			Data     jsontext.Value `json:"data"`
			SetID    jsontext.Value `json:"setId"`
		}
		if err := json.Unmarshal(raw, &w, opts); err != nil {
			return err
		}
		inner := raw
		for _, v := range []jsontext.Value{w.SetStart, w.Payload, w.Data} {
			if len(w.SetID) == 0 && v.Kind() == '{' {
				inner = v
				break
			}
		}
		if bytes.Equal(inner, raw) {
			break
		}
		raw = inner
	}
	var err error
	if s.Raw, err = ext.Parse(raw); err != nil {
		return err
	}
	var in escsStart
	if err := json.Unmarshal(raw, &in, opts); err != nil {
		return err
	}
	return in.payload(&s.EscsSetStartPayload)
}

// escsStart is a bare set start as it is read.
type escsStart struct {
	SetID          looseID    `json:"setId"`
	TournamentID   looseID    `json:"tournamentId"`
	MatchID        looseID    `json:"matchId"`
	SetEndTimeUnix escsTime   `json:"setEndTimeUnix"`
	Participants   []escsTeam `json:"participants"`
	Misspelt       []escsTeam `json:"pariticipants"` // as the documentation has it
	RoundID        looseID    `json:"roundId"`
	GlobalMetadata looseText  `json:"globalMetadata"`
}

type escsPlayer struct {
	PlayerID       looseID   `json:"playerId"`
	IngamePlayerID looseID   `json:"ingamePlayerId"`
	Username       looseText `json:"username"`
	FirstName      looseText `json:"firstName"`
	LastName       looseText `json:"lastName"`
	IngameMetadata looseText `json:"ingameMetadata"`
	Avatar         looseText `json:"avatar"`
	RoundID        looseID   `json:"roundId"`
}

// payload puts together what was read.
func (in *escsStart) payload(to *EscsSetStartPayload) error {
	teams := in.Participants
	if len(teams) == 0 {
		teams = in.Misspelt
	} else if len(in.Misspelt) > 0 {
		return mismatch("participants once").not(0)
	}
	*to = EscsSetStartPayload{
		SetID: string(in.SetID), TournamentID: string(in.TournamentID), MatchID: string(in.MatchID),
		SetEndTimeUnix: Int64(in.SetEndTimeUnix), RoundID: string(in.RoundID), GlobalMetadata: string(in.GlobalMetadata),
	}
	for _, team := range teams {
		var t EscsParticipant
		for _, p := range team {
			if to.RoundID == "" {
				to.RoundID = string(p.RoundID)
			}
			t.Players = append(t.Players, EscsPlayer{
				PlayerID: string(p.PlayerID), IngamePlayerID: string(p.IngamePlayerID), Username: string(p.Username),
				FirstName: string(p.FirstName), LastName: string(p.LastName), IngameMetadata: string(p.IngameMetadata),
				Avatar: string(p.Avatar),
			})
		}
		to.Participants = append(to.Participants, t)
	}
	return nil
}

// escsTeam is a list of players, or an object that has one.
type escsTeam []escsPlayer

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (t *escsTeam) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '{' {
		return json.UnmarshalDecode(dec, (*[]escsPlayer)(t))
	}
	var team struct {
		Players []escsPlayer `json:"players"`
	}
	err := json.UnmarshalDecode(dec, &team)
	*t = team.Players
	return err
}

// looseText is a text that may also come as something else, which is kept as its
// JSON text.
type looseText string

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (t *looseText) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	raw, err := dec.ReadValue()
	if err != nil {
		return err
	}
	switch raw.Kind() {
	case 'n':
		*t = ""
	case '"':
		*t = looseText(unquote(raw))
	default:
		*t = looseText(raw)
	}
	return nil
}

// looseID is a text or a number: whatever else it may be, it is no id.
type looseID string

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (t *looseID) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch kind := dec.PeekKind(); kind {
	case '"', '0', 'n':
		return (*looseText)(t).UnmarshalJSONFrom(dec)
	default:
		return mismatch("an id").not(kind)
	}
}

// escsTime is a time in seconds since 1970; milliseconds are recognised by their
// size.
type escsTime int64

const (
	escsMillisFrom = 100_000_000_000 // seconds beyond the year 5000
	escsLastSecond = 253_402_300_799 // of the year 9999
	wantEscsTime   = mismatch("a time in seconds or milliseconds")
)

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (t *escsTime) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	raw, err := dec.ReadValue()
	if err != nil || raw.Kind() == 'n' {
		return err
	}
	n, ok := parseInt(raw, 64)
	if !ok {
		text := raw
		if raw.Kind() == '"' {
			text = unquote(raw)
		}
		f, err := strconv.ParseFloat(string(text), 64) // such as 1.7e9, or with milliseconds behind the point
		if err != nil || math.IsNaN(f) || math.Abs(f) > math.MaxInt64/2 {
			return wantEscsTime.not(raw.Kind())
		}
		n = int64(f)
	}
	if n > escsMillisFrom {
		n /= 1000
	}
	if n < 0 || n > escsLastSecond {
		return wantEscsTime.not(raw.Kind())
	}
	*t = escsTime(n)
	return nil
}
