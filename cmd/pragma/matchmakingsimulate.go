package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/matchmaking/simulate"
)

// simulateFlags are those of pragma matchmaking simulate.
type simulateFlags struct {
	dump, population, queue string
	seed                    uint64
	drain                   time.Duration
	arrive, json            bool
}

// matchmakingSimulate tries rules in virtual time: no server, no clock, and the
// same bytes for the same arguments.
func matchmakingSimulate(ctx context.Context, args []string, stdout, _ io.Writer) error {
	var f simulateFlags
	fs := flags("matchmaking simulate")
	fs.StringVar(&f.dump, "dump", "", "`file` of pragma matchmaking dump: these parties wait from the beginning")
	fs.StringVar(&f.population, "population", "", "YAML `file` with a section "+populationPath+", see docs/matchmaking.md: these players come; without -dump there is a default")
	fs.StringVar(&f.queue, "queue", "", "`name` of the queue in the rules, for players that are made up")
	fs.Uint64Var(&f.seed, "seed", 1, "`number` that decides who comes and when; the same number, the same players")
	fs.DurationVar(&f.drain, "drain", simulate.DefaultDrain, "`time` to go on after the last one has come, while somebody waits")
	fs.BoolVar(&f.arrive, "arrive", false, "let the parties of the dump come when they did, instead of all being there")
	fs.BoolVar(&f.json, "json", false, "print JSON")
	if err := parse(fs, args, "rules.yml…", stdout); err != nil {
		return err
	}
	if f.drain <= 0 {
		return usageError{"pragma matchmaking simulate: want a -drain above zero"}
	}
	in, err := f.load(fs.Args())
	if err != nil {
		return err
	}
	var reports []*simulate.Report
	for i := range in.sets {
		r, err := simulate.Run(ctx, in.options(i), in.arrivals, in.games...)
		if err != nil {
			return err
		}
		reports = append(reports, r)
	}
	if f.json {
		return simulate.WriteJSON(stdout, reports...)
	}
	if _, err := fmt.Fprintf(stdout, "%s\n\n", in.about); err != nil {
		return err
	}
	return simulate.WriteText(stdout, reports...)
}

// simulation is what is simulated.
type simulation struct {
	simulateFlags
	about    string
	sets     []ruleSet
	key      func(s *ruleSet) matchmaking.QueueKey
	begin    time.Time
	arrivals []simulate.Arrival
	games    []*matchmaking.GameInstance
}

// epoch is when made-up players begin to come: the simulation knows no clock.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func (f simulateFlags) load(files []string) (*simulation, error) {
	in := &simulation{simulateFlags: f, begin: epoch}
	in.key = func(s *ruleSet) matchmaking.QueueKey { return s.key(f.queue) }
	var dump *simulate.Dump
	var err error
	if f.dump != "" {
		if dump, err = loadDump(f.dump); err != nil {
			return nil, err
		}
		in.take(dump)
	}
	if f.dump == "" || f.population != "" {
		p, err := loadPopulation(f.population)
		if err != nil {
			return nil, err
		}
		come := p.Arrivals(f.seed, in.begin)
		in.arrivals = append(in.arrivals, come...)
		in.say(fmt.Sprintf("%d parties come, seed %d", len(come), f.seed))
	}
	in.sets, err = loadRuleSets(files, dump)
	return in, err
}

func (in *simulation) say(what string) {
	if in.about != "" {
		in.about += "; "
	}
	in.about += what
}

// take begins with the parties of a dump.
func (in *simulation) take(d *simulate.Dump) {
	in.arrivals, in.games, in.begin = d.Arrivals(), d.Games, d.TakenAt
	in.key = func(*ruleSet) matchmaking.QueueKey { return d.Key }
	how := "wait"
	if in.arrive {
		how = "come as they did"
		if len(d.Parties) > 0 {
			in.begin = d.Parties[0].EnteredAt
		}
	}
	in.say(fmt.Sprintf("%d parties of the dump of %s %s", len(d.Parties), d.TakenAt.UTC().Format(time.RFC3339), how))
	if len(d.Games) > 0 {
		in.say(fmt.Sprintf("%d running games wait", len(d.Games)))
	}
}

// options are those of the simulation of one set of rules. Sets that have no
// ratings are judged by those of another.
func (in *simulation) options(i int) simulate.Options {
	set := &in.sets[i]
	o := simulate.Options{
		Name: title(set.name, i), Pool: set.plugin(), Key: in.key(set), Config: set.service,
		Begin: in.begin, Drain: in.drain, Ratings: set.ratings(in.key(set)),
	}
	for j := range in.sets {
		if o.Ratings == nil {
			o.Ratings = in.sets[j].ratings(in.key(&in.sets[j]))
		}
	}
	return o
}
