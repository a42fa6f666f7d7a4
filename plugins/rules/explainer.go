package rules

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// Explain says how wide the windows of a party are, and what stands between it and
// the parties nearest in rating; see [Rules.Explain].
func (p *Plugin) Explain(_ context.Context, r *matchmaking.ExplainRequest) (*matchmaking.Explanation, error) {
	c := p.config()
	name, rules := c.Of(r.QueueKey)
	me := p.ticket(c, rules, r.Party)
	if me == nil {
		return &matchmaking.Explanation{Facts: []matchmaking.Fact{{Name: "ext", Value: "the present rules cannot read it; the party cannot be matched"}}}, nil
	}
	tickets := append(make([]*Ticket, 0, len(r.Others)+1), me)
	parties := make(map[pragma.TicketID]*matchmaking.Party, len(r.Others))
	for _, other := range r.Others {
		if t := p.ticket(c, rules, other); t != nil {
			tickets, parties[t.ID] = append(tickets, t), other
		}
	}
	found, _ := rules.Explain(tickets, me.ID, r.Now, r.Most)
	e := &matchmaking.Explanation{Facts: rules.facts(name, me, &found), NeededPlayers: found.Needed, AcceptablePlayers: found.Acceptable}
	for _, near := range found.Nearest {
		e.Candidates = append(e.Candidates, matchmaking.Candidate{Party: parties[near.Ticket.ID], Distance: near.Apart, Refusals: near.Refusals})
	}
	return e, nil
}

// facts are what an explanation says of the party alone.
func (r *Rules) facts(name string, me *Ticket, e *Explanation) []matchmaking.Fact {
	if name == "" {
		name = "default"
	}
	facts := []matchmaking.Fact{{Name: "rules", Value: name}}
	add := func(name, format string, args ...any) {
		facts = append(facts, matchmaking.Fact{Name: name, Value: fmt.Sprintf(format, args...)})
	}
	if r.Rating.Member != "" {
		add("rating", "%s", short(me.Rating))
	}
	if !math.IsInf(e.RatingWindow, 1) {
		add("rating window", "%s to either side, at most %s", short(e.RatingWindow), short(r.Rating.Window.Max))
	}
	if !math.IsInf(e.PingMillis, 1) {
		add("ping limit", "%s ms, at most %s ms", short(e.PingMillis), short(r.PingMillis.Max))
		add("zones within it", "%s", r.zonesWithin(me, e.PingMillis))
	}
	if after := r.ServeOldestAfterSeconds; after > 0 {
		if e.Overdue {
			add("overdue", "has waited longer than %d s: ratings and pings count no more", after)
		} else {
			add("overdue", "in %s", (time.Duration(after)*time.Second - e.Waited).Round(time.Millisecond))
		}
	}
	return facts
}

func (r *Rules) zonesWithin(me *Ticket, limit float64) string {
	if len(me.Pings) == 0 {
		return "all: no pings are known"
	}
	var zones []string
	for _, p := range me.Pings {
		if float64(p.Millis) <= limit {
			zones = append(zones, fmt.Sprintf("%s %d ms", p.Zone, p.Millis))
		}
	}
	if zones == nil {
		return "none so far"
	}
	return strings.Join(zones, ", ")
}

// short writes a number without digits that nobody needs.
func short(v float64) string { return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64) }

// QueueRules returns the rules of the queue, as they stand in the configuration.
func (p *Plugin) QueueRules(_ context.Context, r *matchmaking.QueueRulesRequest) ext.Value {
	_, rules := p.config().Of(r.QueueKey)
	if m, ok := plain(reflect.ValueOf(*rules)).(map[string]any); ok {
		return ext.Of(m)
	}
	return ext.Value{}
}

// plain returns configuration under the names it has in files, without what is
// zero; nil if nothing is left.
func plain(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Struct:
		m := make(map[string]any)
		for i := range v.NumField() {
			if value := plain(v.Field(i)); value != nil {
				m[v.Type().Field(i).Tag.Get("yaml")] = value
			}
		}
		if len(m) > 0 {
			return m
		}
	case reflect.Map:
		m := make(map[string]any)
		for _, key := range v.MapKeys() {
			if value := plain(v.MapIndex(key)); value != nil {
				m[key.String()] = value
			} else {
				m[key.String()] = map[string]any{}
			}
		}
		if len(m) > 0 {
			return m
		}
	default:
		if !v.IsZero() {
			return v.Interface()
		}
	}
	return nil
}
