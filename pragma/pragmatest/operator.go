package pragmatest

import "github.com/openpragma/engine/pragma"

// Operator opens a bare socket of an operator with a role, such as
// [pragma.RoleViewer], on a backend. [World.PartnerTokens] shows how one logs in.
func (w *World) Operator(b pragma.Backend, role string) *Raw {
	w.T.Helper()
	token, err := w.signer.m.SignOperatorToken(b, &pragma.OperatorSession{
		SocialID: pragma.NewID[pragma.SocialID](), SessionID: pragma.NewOrderedID[pragma.SessionID](), Roles: []string{role},
	})
	if err != nil {
		w.fatal("sign a token for an operator: %v", err)
	}
	return w.Raw(pragma.Gateway{Backend: b, Type: pragma.Operator}, token)
}

// signer is a service without calls: it lets a test sign tokens as the server does.
type signer struct{ m *pragma.Mount }

// Name implements [pragma.Service].
func (*signer) Name() string { return "PragmatestRpc" }

// Mount implements [pragma.Service].
func (s *signer) Mount(m *pragma.Mount) error {
	s.m = m
	return nil
}
