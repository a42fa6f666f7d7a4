package party

import (
	"errors"
	"fmt"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// VersionForGame returns the game server version for a game that a player makes
// himself, inside the transaction that makes it (engine §6.8): that of his party;
// for a player without a party, the best one for his client alone. It is empty
// when versions are not in use. When no version fits, the error is
// [ErrGameServerNoLongerCompatible].
func (s *Service) VersionForGame(tx *entity.Tx, party pragma.PartyID, who *pragma.PlayerSession, clientVersion string) (string, error) {
	if !party.IsZero() {
		st, err := s.parties.In(tx, party.String())
		switch {
		case err == nil && st.NoCommonVersion:
			return "", ErrGameServerNoLongerCompatible
		case err == nil:
			return st.GameServerVersion, nil
		case !errors.Is(err, entity.ErrNotFound):
			return "", fmt.Errorf("read party %s: %w", party, err)
		}
	}
	alone := s.change(tx, &state{Members: []*PlayerInfo{{
		PlayerID: who.PlayerID, SocialID: who.SocialID, DisplayName: who.DisplayName, GameClientVersion: clientVersion,
	}}})
	if !alone.versioned() {
		return "", nil
	}
	version, ok, err := alone.bestVersion()
	if err == nil && !ok {
		err = ErrGameServerNoLongerCompatible
	}
	return version, err
}
