package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/matchmaking/simulate"
	"github.com/openpragma/engine/plugins/rules"
	"github.com/openpragma/engine/pragma"
)

// explanation is what pragma matchmaking explain prints.
type explanation = wire.MatchmakingExplainTicketOperatorV1Response

// explainFlags are those of pragma matchmaking explain.
type explainFlags struct {
	live
	dump, rules, player string
	after               time.Duration
	most                positive
	json                bool
}

func (f *explainFlags) register(fs *flag.FlagSet) {
	f.flags(fs)
	fs.StringVar(&f.dump, "dump", "", "`file` of pragma matchmaking dump to look into, instead of a running server")
	fs.StringVar(&f.rules, "rules", "", "with -dump: YAML `file` with other rules than those of the dump")
	fs.DurationVar(&f.after, "after", 0, "with -dump: `time` that has passed since it was taken")
	fs.StringVar(&f.player, "player", "", "`id` of a player, instead of a ticket")
	f.most = 10
	fs.Var(&f.most, "candidates", "`number` of candidates, at most 100")
	fs.BoolVar(&f.json, "json", false, "print JSON")
}

// matchmakingExplain says why a party waits.
func matchmakingExplain(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	return new(explainFlags).run(ctx, args, stdout, stderr)
}

func (f *explainFlags) run(ctx context.Context, args []string, stdout, _ io.Writer) error {
	fs := flags("matchmaking explain")
	f.register(fs)
	if err := parse(fs, args, "[ticket]", stdout); err != nil {
		return err
	}
	switch {
	case fs.NArg() > 1:
		return usageError{"pragma matchmaking explain: one ticket at a time"}
	case f.dump == "" && (f.rules != "" || f.after != 0):
		return usageError{"pragma matchmaking explain: -rules and -after go with -dump"}
	case f.player != "" && fs.NArg() > 0:
		return usageError{"pragma matchmaking explain: want a ticket or a -player"}
	case f.player == "" && fs.NArg() == 0 && f.dump == "":
		return usageError{"pragma matchmaking explain: want a ticket or a -player"}
	case f.most > 100:
		return usageError{"pragma matchmaking explain: at most 100 candidates"}
	}
	ask := f.ask
	if f.dump != "" {
		ask = f.compute
	}
	e, err := ask(ctx, fs.Arg(0))
	if err != nil {
		return err
	}
	if f.json {
		text, err := wire.Marshal(e)
		if err == nil {
			_, err = fmt.Fprintf(stdout, "%s\n", text)
		}
		return err
	}
	_, err = io.WriteString(stdout, explained(e))
	return err
}

// ask asks a running server.
func (f *explainFlags) ask(ctx context.Context, ticket string) (*explanation, error) {
	o, err := f.operator(ctx)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	if f.player != "" {
		filter := map[string]any{"filter": map[string]any{"playerId": f.player}}
		found, err := client.Call[wire.MatchmakingListTicketsOperatorV1Response](ctx, o.Game(), "MatchmakingRpc.ListTicketsOperatorV1", filter)
		if err != nil {
			return nil, err
		}
		for _, t := range found.Tickets {
			if t.Kind == wire.TicketKindParty {
				ticket = pragma.TicketID(t.TicketID).String()
			}
		}
		if ticket == "" {
			return nil, fmt.Errorf("player %s waits in no queue", f.player)
		}
	}
	req := map[string]any{"ticketId": ticket, "maxCandidates": int(f.most)}
	return client.Call[explanation](ctx, o.Game(), "MatchmakingRpc.ExplainTicketOperatorV1", req)
}

// compute finds it out from a dump; without a ticket, for the oldest.
func (f *explainFlags) compute(ctx context.Context, ticket string) (*explanation, error) {
	d, err := loadDump(f.dump)
	if err != nil {
		return nil, err
	}
	sets, err := loadRuleSets(words(f.rules), d)
	if err != nil {
		return nil, err
	}
	plugin, now := sets[0].plugin(), d.TakenAt.Add(f.after)
	parties, refused := readable(ctx, plugin, d)
	at, err := f.pick(parties, ticket)
	if err != nil {
		return nil, errors.Join(err, refused)
	}
	me := parties[at]
	r := &matchmaking.ExplainRequest{
		QueueKey: d.Key, Party: me, Others: append(append([]*matchmaking.Party{}, parties[:at]...), parties[at+1:]...),
		Games: d.Games, Most: int(f.most), Now: now,
	}
	why, err := plugin.Explain(ctx, r)
	if err != nil {
		return nil, err
	}
	e := wireExplanation(why, now)
	e.Ticket = &wire.OperatorTicketInfo{TicketID: wire.UUID(me.TicketID), PartyID: wire.UUID(me.ID), QueueID: d.Key.Digest(), Kind: wire.TicketKindParty, Ext: me.Ext}
	for _, p := range me.Players {
		e.Ticket.PlayerIDs = append(e.Ticket.PlayerIDs, wire.UUID(p.ID))
		e.PlayersInQueue++
	}
	for _, p := range r.Others {
		e.PlayersInQueue += wire.Int32(len(p.Players))
	}
	e.QueueName, e.State, e.WaitedMillis = d.QueueName, wire.TicketStateWaiting, wire.Int64(now.Sub(me.EnteredAt).Milliseconds())
	e.PartiesBefore, e.PartiesInQueue, e.GameInstancesInQueue = wire.Int32(at), wire.Int32(len(parties)), wire.Int32(len(d.Games))
	return e, nil
}

// readable returns the parties that the rules let in, as the plugin has described
// them, and why others are not among them.
func readable(ctx context.Context, plugin *rules.Plugin, d *simulate.Dump) (parties []*matchmaking.Party, refused error) {
	box := &matchmaking.Sandbox{Pool: plugin, Key: d.Key}
	for _, p := range d.Parties {
		if _, err := box.Enter(ctx, p, d.TakenAt); err != nil {
			refused = errors.Join(refused, fmt.Errorf("the rules refuse ticket %s: %w", p.TicketID, err))
			continue
		}
		parties = append(parties, p)
	}
	return parties, refused
}

// pick returns which party is meant.
func (f *explainFlags) pick(parties []*matchmaking.Party, ticket string) (int, error) {
	for i, p := range parties {
		if ticket == "" && f.player == "" || strings.EqualFold(ticket, p.TicketID.String()) {
			return i, nil
		}
		for _, player := range p.Players {
			if f.player != "" && strings.EqualFold(f.player, player.ID.String()) {
				return i, nil
			}
		}
	}
	return 0, errors.New("no such ticket in the dump")
}

// wireExplanation is what a plugin says, in the form of a running server.
func wireExplanation(why *matchmaking.Explanation, now time.Time) *explanation {
	e := &explanation{Explained: true, NeededPlayers: wire.Int32(why.NeededPlayers), AcceptablePlayers: wire.Int32(why.AcceptablePlayers)}
	for _, fact := range why.Facts {
		e.Facts = append(e.Facts, wire.OperatorFact(fact))
	}
	for _, c := range why.Candidates {
		e.Candidates = append(e.Candidates, wire.OperatorCandidate{
			TicketID: wire.UUID(c.Party.TicketID), PartyID: wire.UUID(c.Party.ID), PlayerCount: wire.Int32(len(c.Party.Players)),
			WaitedMillis: wire.Int64(now.Sub(c.Party.EnteredAt).Milliseconds()), Distance: c.Distance, Refusals: c.Refusals,
		})
	}
	return e
}

func partyCount(n int) string {
	if n == 1 {
		return "1 party"
	}
	return fmt.Sprint(n, " parties")
}

// explained writes an explanation for people.
func explained(e *explanation) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	waiter := "a running game"
	if e.Ticket.Kind == wire.TicketKindParty {
		waiter = plural(len(e.Ticket.PlayerIDs), "player")
	}
	line("ticket %s: %s, waiting for %s in queue %s", pragma.TicketID(e.Ticket.TicketID), waiter, millisOf(e.WaitedMillis), e.QueueName)
	line("%s in the queue with %s, %d of them before this one; %s",
		partyCount(int(e.PartiesInQueue)), plural(int(e.PlayersInQueue), "player"), e.PartiesBefore, plural(int(e.GameInstancesInQueue), "running game"))
	switch e.State {
	case wire.TicketStateHeld:
		line("held for another %s, after %d failed matches in a row", millisOf(e.HeldForMillis), e.FailedMatches)
	case wire.TicketStateInMatch:
		line("a match is being made for it now")
	case wire.TicketStateUnknown:
		line("the node that was asked does not have it in a queue: it has just left, or another node has it")
	default:
		if e.FailedMatches > 0 {
			line("%d failed matches in a row", e.FailedMatches)
		}
	}
	if !e.Explained {
		line("the plugin says nothing about why it waits")
		return b.String()
	}
	for _, f := range e.Facts {
		line("%s: %s", f.Name, f.Value)
	}
	if e.NeededPlayers > 0 {
		line("players it may play with, its own included: %d; a game needs %d", e.AcceptablePlayers, e.NeededPlayers)
	}
	for i, c := range e.Candidates {
		line("\n%d. ticket %s, %s, waiting for %s, distance %s", i+1, pragma.TicketID(c.TicketID), plural(int(c.PlayerCount), "player"),
			millisOf(c.WaitedMillis), fmt.Sprint(math.Round(c.Distance*100)/100))
		if len(c.Refusals) == 0 {
			line("   nothing stands between the two")
		}
		for _, why := range c.Refusals {
			line("   %s", why)
		}
	}
	return b.String()
}
