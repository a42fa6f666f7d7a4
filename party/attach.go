package party

import (
	"context"
	"errors"
	"maps"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
)

// Attached returns what a service has attached to the party under a name of its
// own; the empty message if nothing. It stays on the server, and has nothing to do
// with the studio's [Party.Ext].
func (p *Party) Attached(name string) ext.Value { return p.st.Attached[name] }

// Attach attaches data of a service to the party, under a name that is the
// service's; the empty message takes it away. It is stored with the party, so it
// should be small.
func (p *Party) Attach(name string, v ext.Value) {
	st := p.edit()
	attached := maps.Clone(st.Attached) // a clone of the party may share it
	if attached == nil {
		attached = make(map[string]ext.Value)
	}
	if attached[name] = v; v.IsEmpty() && v.Err() == nil {
		delete(attached, name)
	}
	if st.Attached = attached; len(attached) == 0 {
		st.Attached = nil
	}
}

// AttachedTo returns what a service has attached to a party, see [Party.Attached],
// or [ErrPartyNotFound].
func (s *Service) AttachedTo(ctx context.Context, id pragma.PartyID, name string) (ext.Value, error) {
	st, err := s.parties.Read(ctx, id.String())
	if errors.Is(err, entity.ErrNotFound) {
		return ext.Value{}, ErrPartyNotFound
	}
	if err != nil {
		return ext.Value{}, err
	}
	return st.Attached[name], nil
}
