package gameinstance

import (
	"slices"

	"github.com/openpragma/engine/pragma"
)

// maxHostname is the longest hostname, in bytes, as in the names of the Internet.
const maxHostname = 255

// checkHost refuses what no player could connect to. Load-test servers leave both
// out (wire §16.5).
func checkHost(name string, port int32) error {
	if len(name) > maxHostname || port < 0 || port > 65535 {
		return pragma.ErrMalformed.With("a hostname has at most %d characters, a port is between 0 and 65535", maxHostname)
	}
	return nil
}

// runAt notes where the server runs. A call for later players that does not say
// (first is false) leaves that as it is. If the server has moved, those who were
// sent to it before are sent to the new place: there is one for all (wire §16.4).
func (t *turn) runAt(r *roster, at host, first bool) {
	was := t.h.Host
	switch {
	case was == nil || *was == at:
	case !first && at == host{}:
		return
	default:
		for i := range r.Players {
			if m := &r.Players[i]; m.Connected {
				t.send(m)
			}
		}
	}
	t.h.Host = &at
}

// send has a connected player told, after the commit, where the server is.
func (t *turn) send(m *member) {
	m.renew(t.now, t.tokenLife())
	if !slices.Contains(t.connected, m.PlayerID) {
		t.connected = append(t.connected, m.PlayerID)
	}
}
