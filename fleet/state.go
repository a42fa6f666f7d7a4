package fleet

import (
	"slices"
	"strings"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
)

// place is what a waiting game asks of a server.
type place struct {
	Pool    string `json:"pool,omitzero"`
	Version string `json:"version,omitzero"`
	Zone    string `json:"zone,omitzero"`
}

// request is the record by which a request for a server is recognised when it is
// repeated. It outlives what becomes of it.
type request struct {
	GameInstanceID pragma.GameInstanceID `json:"gameInstanceId"`
	ForgetAt       time.Time             `json:"forgetAt"`
}

// waiting is the record of a game that no server has taken yet. Its id is the
// allocation id; whoever deletes it decides what becomes of the request.
type waiting struct {
	GameInstanceID pragma.GameInstanceID `json:"gameInstanceId"`
	Place          place                 `json:"place"`
	Since          time.Time             `json:"since"`
	// LookAt is when somebody looks whether the game still waits.
	LookAt time.Time `json:"lookAt"`
}

// server is the record of a game server that reports capacity, or that was
// started and shall.
type server struct {
	Pool     string `json:"pool,omitzero"`
	PolicyID string `json:"policyId,omitzero"`
	Version  string `json:"version,omitzero"`
	Zone     string `json:"zone,omitzero"`
	Total    int    `json:"total,omitzero"`
	Used     int    `json:"used,omitzero"`

	// Started says that the fleet started it; Batch is the call that did.
	Started bool   `json:"started,omitzero"`
	Batch   string `json:"batch,omitzero"`
	// Partner is the token pair of a started server, once it has reported.
	Partner pragma.PartnerID `json:"partner,omitzero"`
	// Seen says that it has reported, Gone that it has stopped.
	Seen bool `json:"seen,omitzero"`
	Gone bool `json:"gone,omitzero"`

	// Given are games that the server was given and does not count as used yet, as
	// far as we know. Base is what it called used when it was given the last one.
	Given []given `json:"given,omitzero"`
	Base  int     `json:"base,omitzero"`

	// NextAt is when the server has been silent for too long; of one that is gone,
	// when it is forgotten.
	NextAt time.Time `json:"nextAt"`
}

type given struct {
	GameInstanceID pragma.GameInstanceID `json:"gameInstanceId"`
	AllocationID   pragma.AllocationID   `json:"allocationId"`
}

// pool is the record by which starting servers for a pool is decided.
type pool struct {
	PolicyID string `json:"policyId,omitzero"`
	// Started are the servers of the pool that the fleet started and that are not
	// gone; true: they have reported.
	Started map[string]bool `json:"started,omitzero"`
}

// starting counts the servers that have not reported yet.
func (p *pool) starting() int {
	n := 0
	for _, seen := range p.Started {
		if !seen {
			n++
		}
	}
	return n
}

func (p *pool) note(id string, seen bool) {
	if p.Started == nil {
		p.Started = make(map[string]bool)
	}
	p.Started[id] = seen
}

// maxGiven bounds the games that a server may be given before it counts them.
const maxGiven = 256

// acknowledge forgets the games that the server has begun to count.
func (s *server) acknowledge() {
	if len(s.Given) > 0 && s.Used >= s.Base+len(s.Given) {
		s.Given = nil
	}
}

// free returns how many games the server can take. A game that it was given and
// does not count yet takes room: the report may have been under way already.
func (s *server) free() int {
	if s.Gone || !s.Seen {
		return 0
	}
	return max(0, min(s.Total-s.Used-len(s.Given), maxGiven-len(s.Given)))
}

// forgetGiven drops a game that no longer needs room of its own.
func (s *server) forgetGiven(done func(g given) bool) {
	s.Given = slices.DeleteFunc(s.Given, done)
	if len(s.Given) == 0 {
		s.Given = nil
	}
}

// report is what a server says.
type report struct {
	serverID      string
	pool          string // of the newer call
	version, zone string // of the older call
	older         bool
	total, used   int
}

// check reports what no server may say.
func (r *report) check() error {
	switch {
	case r.serverID == "" || len(r.serverID) > maxID:
		return pragma.ErrMalformed.With("serverId must have 1 to %d bytes", maxID)
	case len(r.pool) > maxPool:
		return pragma.ErrMalformed.With("serverPoolId has more than %d bytes", maxPool)
	case len(r.version) > maxPlace || len(r.zone) > maxPlace:
		return pragma.ErrMalformed.With("gameVersion or gameServerZone has more than %d bytes", maxPlace)
	case r.total < 0 || r.used < 0:
		return pragma.ErrMalformed.With("a capacity is below 0")
	}
	return nil
}

const (
	maxID   = 128 // of a record's id
	maxPool = maxID - 1
	// maxPlace is the longest version or zone of a report: four bytes for each of
	// 64 characters (wire §16.10).
	maxPlace = 256
)

// fits reports whether the server can run a game (wire §16.10). A server of the
// older call may add something of the title's own to the version, behind a dot.
func (r *report) fits(p place) bool {
	if !r.older {
		return p.Pool == "" || p.Pool == r.pool
	}
	version := p.Version == "" || p.Version == r.version || strings.HasPrefix(r.version, p.Version+".")
	return version && (p.Zone == "" || p.Zone == r.zone)
}

// placeOf returns what a request asks for.
func placeOf(r *gameinstance.StartAllocationForGameInstanceRequest, p *ServerPool) place {
	return place{Pool: p.ServerPoolID, Version: r.GameServerVersion, Zone: r.GameServerZone}
}
