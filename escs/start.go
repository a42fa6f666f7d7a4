package escs

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
)

// Longest texts of a set start. Ids are keys of records.
const (
	maxID       = 60 // two of them fit into one key
	maxMetadata = 64 << 10
)

// setStart takes a set start, which may come any number of times (escs F5 to F9).
func (s *Service) setStart(ctx context.Context, in *wire.EscsSetStart) error {
	err := s.takeStart(ctx, in)
	switch {
	case errors.Is(err, pragma.ErrMalformed):
		s.metrics.starts.WithLabelValues("refused").Inc()
		s.m.Log().WarnContext(ctx, "set start refused", "set", shorten(in.SetID), "err", err)
	case err != nil:
		s.metrics.starts.WithLabelValues("failed").Inc()
	}
	return err
}

func shorten(id string) string { return id[:min(len(id), maxID)] }

func (s *Service) takeStart(ctx context.Context, in *wire.EscsSetStart) error {
	cfg := s.cfg.Load()
	start := startOf(in)
	if in.Raw.Len() > cfg.MaxSetStartBytes {
		return invalid("has more than %d bytes", cfg.MaxSetStartBytes)
	}
	if err := start.check(cfg.MaxPlayersPerSet); err != nil {
		return err
	}
	players, err := s.playersOf(ctx, start)
	if err != nil {
		return err
	}
	var outcome string
	err = again(ctx, func() error {
		return s.sets.Upsert(ctx, start.SetID, func(tx *entity.Tx, st *set) error {
			outcome, err = s.apply(tx, st, cfg, start, in.Raw, players)
			return err
		})
	})
	if err != nil {
		return fmt.Errorf("take start of set %s: %w", start.SetID, err)
	}
	s.metrics.starts.WithLabelValues(outcome).Inc()
	log := s.m.Log().InfoContext
	if outcome == startConflict || outcome == startUnplayable {
		log = s.m.Log().WarnContext
	}
	log(ctx, "set start", "outcome", outcome, "set", start.SetID, "tournament", start.TournamentID, "players", len(players))
	return nil
}

// What becomes of a set start.
const (
	startNew        = "new"
	startRepeated   = "repeated"
	startReplaced   = "replaced"
	startExtended   = "extended"   // later end, or new metadata
	startConflict   = "conflict"   // something else about a set that is played
	startExpired    = "expired"    // came after its end
	startUnplayable = "unplayable" // names somebody who is unknown here
)

// startOf copies a set start from the wire.
func startOf(in *wire.EscsSetStart) *SetStart {
	s := &SetStart{
		SetID: in.SetID, TournamentID: in.TournamentID, MatchID: in.MatchID,
		SetEndTimeUnix: int64(in.SetEndTimeUnix), RoundID: in.RoundID, GlobalMetadata: in.GlobalMetadata,
	}
	for _, team := range in.Participants {
		var t Participant
		for _, p := range team.Players {
			t.Players = append(t.Players, Player(p))
		}
		s.Participants = append(s.Participants, t)
	}
	return s
}

// check refuses a start that can be no set (escs F7).
func (s *SetStart) check(mostPlayers int) error {
	for _, f := range []struct {
		name, text string
		most       int
	}{
		{"setId", s.SetID, maxID}, {"tournamentId", s.TournamentID, maxID}, {"matchId", s.MatchID, maxID},
		{"roundId", s.RoundID, maxID}, {"globalMetadata", s.GlobalMetadata, maxMetadata},
	} {
		if len(f.text) > f.most {
			return invalid("%s has more than %d bytes", f.name, f.most)
		}
	}
	switch {
	case s.SetID == "":
		return invalid("setId is missing")
	case !isSetID(s.SetID):
		return invalid("setId is no text that can be kept")
	case s.SetEndTimeUnix <= 0:
		return invalid("setEndTimeUnix is missing")
	}
	seen := make(map[string]bool)
	players := 0
	for _, team := range s.Participants {
		for _, p := range team.Players {
			players++
			if id := ingameID(p.IngamePlayerID); id != "" && seen[id] {
				return invalid("a player is named twice")
			} else if seen[id] = true; len(id) > maxID || len(p.PlayerID) > maxID {
				return invalid("the id of a player has more than %d bytes", maxID)
			}
		}
	}
	switch {
	case players == 0:
		return invalid("participants are missing")
	case players > mostPlayers:
		return invalid("names %d players, at most %d are possible", players, mostPlayers)
	}
	return nil
}

// ingameID is how an id of a player compares: a UUID in any spelling is one id.
func ingameID(text string) string {
	if id, err := pragma.ParseID[pragma.PlayerID](text); err == nil && !id.IsZero() {
		return id.String()
	}
	return text
}

// playersOf finds the players whom a start names. Whoever is unknown here has no
// player id.
func (s *Service) playersOf(ctx context.Context, start *SetStart) ([]setPlayer, error) {
	var players []setPlayer
	seen := make(map[pragma.PlayerID]bool)
	for i, team := range start.Participants {
		for _, p := range team.Players {
			id, err := s.resolve(ctx, p.IngamePlayerID)
			if err != nil {
				return nil, err
			}
			if !id.IsZero() && seen[id] {
				return nil, invalid("a player is named twice")
			}
			seen[id] = true
			players = append(players, setPlayer{
				PlayerID: id, IngamePlayerID: p.IngamePlayerID, EscsPlayerID: p.PlayerID,
				Team: int64(i) + 1, State: PlayerExpected,
			})
		}
	}
	return players, nil
}

// resolve finds out who a client registered as: a player of this shard or, by his
// social id, an account that plays on it (escs Q14). The zero id means nobody.
func (s *Service) resolve(ctx context.Context, text string) (pragma.PlayerID, error) {
	id, err := pragma.ParseID[pragma.PlayerID](text)
	if err != nil {
		return pragma.PlayerID{}, nil
	}
	if id.IsZero() || s.Accounts == nil {
		return id, nil
	}
	_, err = s.Accounts.ProfileOfPlayer(ctx, id)
	if err == nil {
		return id, nil
	}
	if !errors.Is(err, account.ErrNotFound) {
		return pragma.PlayerID{}, fmt.Errorf("look up player: %w", err)
	}
	p, err := s.Accounts.Profile(ctx, pragma.SocialID(id))
	if errors.Is(err, account.ErrNotFound) {
		return pragma.PlayerID{}, nil
	}
	if err != nil {
		return pragma.PlayerID{}, fmt.Errorf("look up account: %w", err)
	}
	return p.PlayerID, nil
}

// apply puts a start into the record of its set, and says what it was.
func (s *Service) apply(tx *entity.Tx, st *set, cfg *Config, start *SetStart, raw ext.Value, players []setPlayer) (string, error) {
	count := st.StartCount + 1
	defer func() { st.StartCount = count }()
	same := st.Start.equal(start)
	switch {
	case st.ID == "":
		return s.replace(tx, st, cfg, start, raw, players, startNew)
	case same && st.State != Unplayable:
		return startRepeated, nil
	case st.State == Unplayable, st.untouched():
		return s.replace(tx, st, cfg, start, raw, players, startReplaced)
	}
	return s.extend(tx, st, start)
}

// untouched reports whether nobody has queued for the set.
func (st *set) untouched() bool {
	return st.PartyID.IsZero() && st.GameInstanceID.IsZero() && !st.State.played() && st.queued() == 0
}

// replace makes the set what the start says.
func (s *Service) replace(tx *entity.Tx, st *set, cfg *Config, start *SetStart, raw ext.Value, players []setPlayer, outcome string) (string, error) {
	received := st.ReceivedAt
	if received.IsZero() {
		received = tx.Now()
	}
	if err := s.unlist(tx, st); err != nil {
		return "", err
	}
	*st = set{
		ID: start.SetID, Start: *start, Raw: raw, EndTime: start.EndTime(), ReceivedAt: received,
		Players: slices.Clone(players), ChangedAt: tx.Now(), State: Received,
	}
	switch {
	case !tx.Now().Before(st.EndTime.Add(cfg.ClockSkew)):
		st.State, outcome = Expired, startExpired
	case slices.ContainsFunc(players, func(p setPlayer) bool { return p.PlayerID.IsZero() }):
		st.State, outcome = Unplayable, startUnplayable
	}
	return outcome, s.list(tx, st)
}

// extend takes from a start of a set that somebody has queued for what can still
// be taken: a later end and new metadata (escs F6).
func (s *Service) extend(tx *entity.Tx, st *set, start *SetStart) (string, error) {
	next := st.Start
	next.SetEndTimeUnix = max(next.SetEndTimeUnix, start.SetEndTimeUnix)
	next.GlobalMetadata = start.GlobalMetadata
	next.Participants = withMetadata(next.Participants, start.Participants)
	outcome := startExtended
	if !next.equal(start) {
		outcome = startConflict
	}
	if st.State == ResultsSent || st.State == ResultsFailed || st.State == Expired {
		return startConflict, nil
	}
	if st.Start.equal(&next) {
		return outcome, nil
	}
	st.Start, st.EndTime = next, next.EndTime()
	return outcome, s.list(tx, st)
}

// withMetadata returns teams with the metadata that others have for the same
// players.
func withMetadata(teams, others []Participant) []Participant {
	fresh := make(map[string]string)
	for _, team := range others {
		for _, p := range team.Players {
			fresh[ingameID(p.IngamePlayerID)] = p.IngameMetadata
		}
	}
	out := make([]Participant, len(teams))
	for i, team := range teams {
		out[i].Players = slices.Clone(team.Players)
		for j := range out[i].Players {
			if text, ok := fresh[ingameID(out[i].Players[j].IngamePlayerID)]; ok {
				out[i].Players[j].IngameMetadata = text
			}
		}
	}
	return out
}

// maxSetsOfPlayer bounds the record of a player. The oldest sets go first; they are
// still found by their id.
const maxSetsOfPlayer = 64

// list notes the set with each of its players.
func (s *Service) list(tx *entity.Tx, st *set) error {
	for i := range st.Players {
		id := st.Players[i].listedAs()
		if id == "" {
			continue
		}
		of, err := s.of.InOrNew(tx, id)
		if err != nil {
			return fmt.Errorf("list set with player %s: %w", id, err)
		}
		of.drop(st.ID)
		of.Sets = append(of.Sets, playerSet{SetID: st.ID, EndTime: st.EndTime, ReceivedAt: st.ReceivedAt})
		slices.SortStableFunc(of.Sets, func(a, b playerSet) int { return a.ReceivedAt.Compare(b.ReceivedAt) })
		of.Sets = of.Sets[max(0, len(of.Sets)-maxSetsOfPlayer):]
	}
	return nil
}

// unlist takes the set from the records of its players.
func (s *Service) unlist(tx *entity.Tx, st *set) error {
	for i := range st.Players {
		id := st.Players[i].listedAs()
		if id == "" {
			continue
		}
		of, err := s.of.InOrNew(tx, id)
		if err != nil {
			return fmt.Errorf("take set from player %s: %w", id, err)
		}
		of.drop(st.ID)
	}
	return nil
}

func (of *playerSets) drop(setID string) {
	of.Sets = slices.DeleteFunc(of.Sets, func(p playerSet) bool { return p.SetID == setID })
}
