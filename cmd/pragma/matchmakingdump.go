package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/matchmaking/simulate"
	"github.com/openpragma/engine/pragma"
)

// dumpFlags are those of pragma matchmaking dump.
type dumpFlags struct {
	live
	queue, out, members string
	anonymous           bool
}

func (f *dumpFlags) register(fs *flag.FlagSet) {
	f.flags(fs)
	fs.StringVar(&f.queue, "queue", "", "id or `name` of the queue; not needed if there is only one")
	fs.StringVar(&f.out, "o", "", "`file` to write; without it, the dump is printed")
	fs.BoolVar(&f.anonymous, "anonymous", false, "replace the ids of players, parties, tickets and games by numbers")
	fs.StringVar(&f.members, "members", "", "`names` of the members of exts to keep, such as rating,role; with -anonymous; without it, all are kept")
}

// matchmakingDump writes who waits in a queue to a file. A dump has personal
// data, see [simulate.Dump].
func matchmakingDump(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	return new(dumpFlags).run(ctx, args, stdout, stderr)
}

func (f *dumpFlags) run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flags("matchmaking dump")
	f.register(fs)
	if err := parse(fs, args, "", stdout); err != nil {
		return err
	}
	if f.members != "" && !f.anonymous {
		return usageError{"pragma matchmaking dump: -members goes with -anonymous"}
	}
	o, err := f.operator(ctx)
	if err != nil {
		return err
	}
	defer o.Close()
	queue, err := findQueue(ctx, o, f.queue)
	if err != nil {
		return err
	}
	d, err := fetch(ctx, o, queue)
	if err != nil {
		return err
	}
	if f.anonymous {
		d = d.Anonymous(words(f.members)...)
	}
	if f.out == "" {
		return d.Write(stdout)
	}
	if err := writeDump(f.out, d); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stderr, "%d parties and %d games of queue %s in %s\n", len(d.Parties), len(d.Games), d.QueueName, f.out)
	return err
}

// words are what commas part.
func words(list string) (all []string) {
	for word := range strings.SplitSeq(list, ",") {
		if word = strings.TrimSpace(word); word != "" {
			all = append(all, word)
		}
	}
	return all
}

// writeDump writes a file that only its owner reads.
func writeDump(name string, d *simulate.Dump) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(d.Write(file), file.Close())
}

// dumpPage is how many tickets are asked for at a time.
const dumpPage = 500

// fetch reads a queue of a running server, page by page. Parties that come or go
// meanwhile are in the dump or not; nobody is in it twice.
func fetch(ctx context.Context, o *client.Operator, queue string) (*simulate.Dump, error) {
	var d *simulate.Dump
	req := &wire.MatchmakingDumpQueueOperatorV1Request{QueueID: queue, PageSize: dumpPage}
	for {
		page, err := client.Call[wire.MatchmakingDumpQueueOperatorV1Response](ctx, o.Game(), "MatchmakingRpc.DumpQueueOperatorV1", req)
		if err != nil {
			return nil, err
		}
		if d == nil {
			key := page.MatchmakingQueueKey
			d = &simulate.Dump{
				TakenAt: time.UnixMicro(int64(page.TakenTimestampMicros)).UTC(), QueueName: page.QueueName, Rules: page.Rules,
				Key: matchmaking.QueueKey{Ext: key.ExtMatchmakingKey, GameServerVersion: key.GameServerVersion},
			}
		}
		for i := range page.Tickets {
			add(d, &page.Tickets[i])
		}
		if page.NextAfterTicketID.IsZero() {
			d.Sort()
			return d, nil
		}
		req.AfterTicketID = page.NextAfterTicketID
	}
}

// add puts a ticket into a dump.
func add(d *simulate.Dump, t *wire.OperatorPoolTicket) {
	entered := time.UnixMicro(int64(t.EnteredTimestampMicros)).UTC()
	if t.Kind == wire.TicketKindGameInstance {
		g := &matchmaking.GameInstance{
			ID: pragma.GameInstanceID(t.GameInstanceID), Ext: t.Ext, EnteredAt: entered,
			GameServerVersion: t.GameServerVersion, GameServerZone: t.GameServerZone,
		}
		for _, p := range t.Players {
			g.Players = append(g.Players, matchmaking.GamePlayer{
				ID: pragma.PlayerID(p.PlayerID), PartyID: pragma.PartyID(p.PartyID), TeamNumber: int64(p.TeamNumber), Ext: p.Ext,
			})
		}
		d.Games = append(d.Games, g)
		return
	}
	party := &matchmaking.Party{
		ID: pragma.PartyID(t.PartyID), TicketID: pragma.TicketID(t.TicketID), Ext: t.Ext, EnteredAt: entered,
		PreferredGameServerZones: t.PreferredGameServerZones, GameServerVersion: t.GameServerVersion,
	}
	for _, p := range t.Players {
		player := &matchmaking.Player{ID: pragma.PlayerID(p.PlayerID), PartyID: party.ID, Ext: p.Ext, GameServerZoneToPing: make(map[string]int)}
		for zone, ms := range p.GameServerZoneToPing {
			player.GameServerZoneToPing[zone] = int(ms)
		}
		party.Players = append(party.Players, player)
	}
	d.Parties = append(d.Parties, party)
}
