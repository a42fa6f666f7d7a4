package party_test

import (
	"context"
	"errors"
	"testing"

	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// versionForGame asks as a game does that a player makes.
func (w *world) versionForGame(p *player, client string) (version string, err error) {
	w.T.Helper()
	err = w.queue.tickets.Upsert(w.T.Context(), "game", func(tx *entity.Tx, _ *struct{ N int }) error {
		where, err := w.queue.slots.Edit(tx, p.id)
		if err != nil {
			return err
		}
		version, err = w.parties.VersionForGame(tx, where.PartyID, &pragma.PlayerSession{PlayerID: p.id}, client)
		return err
	})
	return version, err
}

func TestAGameOfOnesOwnHasTheVersionOfThePartyOrOfTheClient(t *testing.T) {
	create := func(p *player, client string) {
		p.do("PartyRpc.CreateV1", m{"createRequestExt": m{}, "playerJoinRequestExt": m{}, "gameClientVersion": client})
	}
	for _, row := range []struct {
		name, config  string
		party, client string // the party's and the call's client version; no party: ""
		want          string
		err           error
	}{
		{"not in use", "", "", "c1", "", nil},
		{"not in use, in a party", "", "c1", "c1", "", nil},
		{"alone", versions, "", "c2", "s3", nil},
		{"alone with an unknown client", versions, "", "x", "", party.ErrGameServerNoLongerCompatible},
		{"alone with no version", versions, "", "", "", party.ErrGameServerNoLongerCompatible},
		{"the party's counts", versions, "c1", "c3", "s1", nil},
		{"a party that fits nowhere", versions, "x", "c3", "", party.ErrGameServerNoLongerCompatible},
	} {
		t.Run(row.name, func(t *testing.T) {
			run(t, options{config: row.config}, func(w *world) {
				robin := w.player("robin")
				if row.party != "" {
					create(robin, row.party)
				}
				got, err := w.versionForGame(robin, row.client)
				if got != row.want || !errors.Is(err, row.err) {
					w.T.Errorf("VersionForGame() = %q, %v, want %q, %v", got, err, row.want, row.err)
				}
			})
		})
	}
}

func TestACompatibilityPluginDecidesForAGameOfOnesOwn(t *testing.T) {
	run(t, options{compat: onlyClient("c7")}, func(w *world) {
		robin := w.player("robin")
		if got, err := w.versionForGame(robin, "c7"); got != "for c7" || err != nil {
			w.T.Errorf("VersionForGame() = %q, %v, want that of the plugin", got, err)
		}
		if _, err := w.versionForGame(robin, "c8"); !errors.Is(err, party.ErrGameServerNoLongerCompatible) {
			w.T.Errorf("VersionForGame() = %v, want %v", err, party.ErrGameServerNoLongerCompatible)
		}
	})
}

// onlyClient makes a plugin that supports one client version.
func onlyClient(version string) party.CompatibilityPlugin { return oneClient{version: version} }

type oneClient struct {
	party.CompatibilityDefaults
	version string
}

func (o oneClient) CalculateGameServerVersion(_ context.Context, r *party.CalculateGameServerVersionRequest) (string, bool, error) {
	all := r.ClientVersions()
	return "for " + o.version, len(all) == 1 && all[0] == o.version, nil
}
