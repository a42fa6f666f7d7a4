package matchmaking

import (
	"context"
	"time"
)

// Plugin decides who plays with whom (engine §4.3, slot
// MatchmakingService.matchmakingPlugin). Embed [Defaults] to implement it.
//
// Hooks work in memory and must not block. Hooks for one queue never overlap,
// except Initialize, which runs where a party enters; hooks for different queues
// overlap. What they are given is theirs only until they return. A hook that
// returns an error, panics or takes longer than pluginTimeoutMillis has changed
// nothing; one that takes longer is no longer waited for, so the next may then
// run beside it.
type Plugin interface {
	// Initialize is called when a party enters the queue, in the update of the
	// party, and so again after a conflict. Nil lets the party wait, a game
	// starts at once, without a ticket, and an error refuses the party: the
	// leader gets PartyService_FailedToEnterMatchmaking. What it does to the matchable's Ext
	// lasts, except through a restart.
	Initialize(ctx context.Context, r *InitializeRequest) (*NewGameInstance, error)
	// MatchParties is called for an anchor and each other matchable of the
	// queue. Nil goes on. A game may be made of the parties of both; parties it
	// leaves out stay in the queue. An error takes the anchor out of the queue
	// and tells its players; the other one stays.
	MatchParties(ctx context.Context, r *MatchPartiesRequest) (*NewGameInstance, error)
	// MatchPartiesWithGame is called for an anchor that has met all others and
	// each running game in the queue. Nil goes on. An update adds parties of the
	// anchor to the game. An error takes both out of the queue and tells the
	// anchor's players. It is never called for games that did not enter
	// matchmaking.
	MatchPartiesWithGame(ctx context.Context, r *MatchPartiesWithGameRequest) (*GameInstanceUpdate, error)
	// EndOfLoop is called for an anchor that has met everything in its queue
	// without a result. A game may be made of its parties. An error takes the
	// anchor out of the queue and tells its players.
	EndOfLoop(ctx context.Context, r *EndOfLoopRequest) (*NewGameInstance, error)
	// GetQueueName names a queue in logs and metrics. It is called when the
	// queue gets its first party. Use few names: each is a label of its own.
	GetQueueName(ctx context.Context, r *GetQueueNameRequest) string

	mustEmbedDefaults()
}

// Defaults are the documented defaults of [Plugin]: nobody is ever matched.
// Every implementation embeds it.
type Defaults struct{}

var _ Plugin = Defaults{}

// Initialize lets the party wait.
func (Defaults) Initialize(context.Context, *InitializeRequest) (*NewGameInstance, error) {
	return nil, nil
}

// MatchParties goes on.
func (Defaults) MatchParties(context.Context, *MatchPartiesRequest) (*NewGameInstance, error) {
	return nil, nil
}

// MatchPartiesWithGame goes on.
func (Defaults) MatchPartiesWithGame(context.Context, *MatchPartiesWithGameRequest) (*GameInstanceUpdate, error) {
	return nil, nil
}

// EndOfLoop goes on.
func (Defaults) EndOfLoop(context.Context, *EndOfLoopRequest) (*NewGameInstance, error) {
	return nil, nil
}

// GetQueueName returns the first 12 characters of the key's digest.
func (Defaults) GetQueueName(_ context.Context, r *GetQueueNameRequest) string {
	return r.QueueKey.Digest()[:12]
}

func (Defaults) mustEmbedDefaults() {}

// InitializeRequest is the argument of [Plugin.Initialize].
type InitializeRequest struct {
	// QueueKey is the queue the party enters.
	QueueKey QueueKey
	// Matchable holds the one party, with an empty Ext.
	Matchable *Matchable
	// Now is the present time, by the clock of [Matchable.EnteredAt].
	Now time.Time
}

// MatchPartiesRequest is the argument of [Plugin.MatchParties].
type MatchPartiesRequest struct {
	// QueueKey is the queue both wait in.
	QueueKey QueueKey
	// Anchor is the matchable that is being served. Parties of Other that may
	// wait for a game together with it are moved with [Matchable.TakePartiesFrom].
	Anchor *Matchable
	// Other is another matchable; it may be older or younger than Anchor.
	Other *Matchable
	// Now is the time of the pass, by the clock of [Matchable.EnteredAt].
	Now time.Time
}

// MatchPartiesWithGameRequest is the argument of [Plugin.MatchPartiesWithGame].
type MatchPartiesWithGameRequest struct {
	// QueueKey is the queue both wait in.
	QueueKey QueueKey
	// Anchor is the matchable that is being served.
	Anchor *Matchable
	// Game is a running game that wants more players. It is not to be changed.
	Game *GameInstance
	// Now is the time of the pass, by the clock of [Matchable.EnteredAt].
	Now time.Time
}

// EndOfLoopRequest is the argument of [Plugin.EndOfLoop].
type EndOfLoopRequest struct {
	// QueueKey is the queue the anchor waits in.
	QueueKey QueueKey
	// Anchor is the matchable that is being served.
	Anchor *Matchable
	// Now is the time of the pass, by the clock of [Matchable.EnteredAt].
	Now time.Time
}

// GetQueueNameRequest is the argument of [Plugin.GetQueueName].
type GetQueueNameRequest struct {
	// QueueKey is the queue that wants a name.
	QueueKey QueueKey
}
