// Package account keeps who players are: accounts, log-in, tokens.
//
// Mount a [Service] on the Social backend:
//
//	Social: []pragma.Service{&account.Service{}},
//
// A log-in goes to POST /v1/account/authenticateorcreatev2 on the social player
// gateway, or the social operator gateway for operators. An identity provider
// says which of its accounts the caller is; the service finds the account that
// belongs to it, or creates one, and answers with a token for each backend.
// Sockets are opened with these tokens; see package pragma for what follows.
//
// An account has a social id, one player id per game shard, and a display name
// with four digits that make it unique (engine §2.2). All of it is durable
// before the log-in is answered. Any number of first log-ins of the same
// provider account at the same time make one account.
//
// An account may be banned, from all game shards or from this one ([Service.Ban]).
// It may be in player groups, and the shard may be limited to the groups of
// running events ([AccessLimited], [GameManagement]). It may have tags. Partners
// and operators change all of this, and search for accounts, with the calls of
// wire §7.9 and §16.7; whatever a partner may call, operators may call under the
// name that ends in OperatorV1.
//
// # What a studio decides
//
// A [Plugin] is asked before accounts are made, changed, linked and deleted, and
// at every log-in; embed [Defaults] and write the hooks that matter. By default
// players may not change their display names:
//
//	type accounts struct{ account.Defaults }
//
//	func (accounts) OnAccountUpdate(ctx context.Context, r *account.UpdateRequest) error {
//		if time.Since(r.Account.DisplayNameUpdated) < 30*24*time.Hour {
//			return account.ErrDisplayNameUpdate.With("once a month is enough")
//		}
//		return nil
//	}
//
// An [EmailSender] sends mails with a token that verifies an address; see
// [EmailSender.SendVerificationEmail] for the way back. What a provider allows
// says its configuration, see [ProviderSettings]: who may log in, what may be
// linked, which of its accounts players see of each other. In look-ups players
// see those that they ask for by their ids, and their own, in any case.
//
// # Providers
//
// An account has at most one account of each provider, and a provider account
// belongs to at most one account, at every committed moment. [Service.Unlink] and
// [Service.DeleteAccount] free it; a later log-in with it makes a new account.
//
// In development a server without providers has [Unsafe], which believes
// everybody. A production server names its providers or does not start.
package account
