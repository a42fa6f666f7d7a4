package matchmaking

import (
	"context"
	"time"

	"github.com/openpragma/engine/pragma/ext"
)

// PoolPlugin decides who plays with whom by looking at a whole queue at once
// (slot MatchmakingService.poolPlugin). It is the other way to write a
// matchmaker, beside [Plugin]; a [Service] has one of the two. Embed
// [PoolDefaults] to implement it.
//
// The framework keeps the rules: it takes a proposal only if everybody in it
// still waits, nobody is in two, and parties are whole. Parties are never split
// between games; on different teams of one game they may be. What is refused is
// logged and counted with the reason, and costs nobody anything.
//
// Hooks work in memory and must not block. Propose is not called for a queue
// while it runs for that queue, unless it has overrun; all other calls overlap.
type PoolPlugin interface {
	// Describe says by what a party is to be found. It is called when the party
	// enters the queue, in the update of the party, and so again after a
	// conflict; and again for all who wait after a restart. Nil means by nothing
	// but its age, size and pings. An error refuses the party: the leader gets
	// PartyService_FailedToEnterMatchmaking. After a restart it sends the party
	// back with MatchmakingFailure.
	Describe(ctx context.Context, r *DescribeRequest) (*Attributes, error)
	// Propose is called when something has come to the queue, and
	// matchmakingDelayMillis after the end of the full pass before. ctx ends when
	// passBudgetMillis are over: what is found until then is best returned. A
	// hook that takes longer than pluginTimeoutMillis is no longer waited for. If
	// it fails, panics or overruns, nothing has happened, and all wait on.
	Propose(ctx context.Context, r *ProposeRequest) ([]Proposal, error)
	// GetQueueName is [Plugin.GetQueueName].
	GetQueueName(ctx context.Context, r *GetQueueNameRequest) string
	// Explain says why a party waits, to an operator who asks. Nil: nothing is
	// known. It only computes; an error goes to the operator.
	Explain(ctx context.Context, r *ExplainRequest) (*Explanation, error)
	// QueueRules returns what the plugin goes by in a queue, for operators and for
	// dumps of the queue; empty if there is nothing to tell. It must hold no
	// secrets.
	QueueRules(ctx context.Context, r *QueueRulesRequest) ext.Value

	mustEmbedPoolDefaults()
}

// PoolDefaults are the defaults of [PoolPlugin]: nobody is ever matched. Every
// implementation embeds it.
type PoolDefaults struct{}

var _ PoolPlugin = PoolDefaults{}

// Describe names nothing.
func (PoolDefaults) Describe(context.Context, *DescribeRequest) (*Attributes, error) { return nil, nil }

// Propose proposes nothing.
func (PoolDefaults) Propose(context.Context, *ProposeRequest) ([]Proposal, error) { return nil, nil }

// GetQueueName returns the first 12 characters of the key's digest.
func (PoolDefaults) GetQueueName(ctx context.Context, r *GetQueueNameRequest) string {
	return Defaults{}.GetQueueName(ctx, r)
}

// Explain knows nothing.
func (PoolDefaults) Explain(context.Context, *ExplainRequest) (*Explanation, error) { return nil, nil }

// QueueRules returns nothing.
func (PoolDefaults) QueueRules(context.Context, *QueueRulesRequest) ext.Value { return ext.Value{} }

func (PoolDefaults) mustEmbedPoolDefaults() {}

// DescribeRequest is the argument of [PoolPlugin.Describe].
type DescribeRequest struct {
	// QueueKey is the queue the party enters.
	QueueKey QueueKey
	// Party is the party. It is only to be read.
	Party *Party
	// Now is the present time, by the clock of [Party.EnteredAt].
	Now time.Time
}

// Attributes are what a party is found by in a [View]. Use few names: each is an
// index of its own.
type Attributes struct {
	// Numbers are by name, such as a rating; they must be finite.
	Numbers map[string]float64
	// Texts are by name, such as the roles of the players. A text may be there
	// more than once.
	Texts map[string][]string
	// Pings are milliseconds by zone. Nil means the worst ping of any player, in
	// the zones that all players with pings know.
	Pings map[string]int
	// Notes are the plugin's own, for [Party.Notes]. They are kept in memory only.
	Notes any
}

// ProposeRequest is the argument of [PoolPlugin.Propose].
type ProposeRequest struct {
	// QueueKey is the queue.
	QueueKey QueueKey
	// View is who waits. It does not change, and is valid, until the hook returns.
	View *View
	// Full is false if the pass was made because something is new: then it is
	// enough to look for games with [View.New] and [View.NewGames].
	Full bool
	// Now is the time of the pass, by the clock of [Party.EnteredAt].
	Now time.Time
}

// Proposal is what shall become of parties in a view: either New, or Game and
// Update.
type Proposal struct {
	// New is a game to start.
	New *NewGameInstance
	// Game is a running game of the view that shall get players by Update.
	Game   *GameInstance
	Update *GameInstanceUpdate
	// Quality says how good the match is, for metrics; best is 1, worst 0.
	Quality float64
}
