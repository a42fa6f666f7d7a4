package account

import "github.com/openpragma/engine/pragma"

// handle registers the calls of wire §2.5, §7.9 and §16.6.
func (s *Service) handle(m *pragma.Mount) {
	pragma.HandlePlayer(m, "RefreshTokensV1", s.refresh)
	s.handlePartnerTokens(m)
	pragma.HandleOperator(m, "CreateAccountWithUnsafeProviderV2", s.createUnsafe)
	onBoth(s, m, "CreateAccount", act("create account", s.createAccount))
	s.handleLookups(m)
	s.handleNames(m)
	s.handleLinks(m)
	s.handleEmail(m)
	s.handleDelete(m)
	s.handleBans(m)
	s.handleGroups(m)
	s.handleTags(m)
	s.handleSearch(m)
	s.handleAccess(m)
}
