package rules

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/openpragma/engine/internal/conf"
)

// Config is the plugin's entry in pluginConfigs. All of it changes live, for
// those who wait too; one that cannot be meant is logged and the last good one
// stays.
type Config struct {
	// Default are the rules of queues that are not named.
	Default Rules `yaml:"default"`
	// QueueMember is the text member of the ExtMatchmakingKey that names a
	// queue. Empty: all queues have the default rules.
	QueueMember string `yaml:"queueMember"`
	// Queues are rules by the name of the queue. Each entry is complete: it takes
	// nothing from Default.
	Queues map[string]Rules `yaml:"queues"`
}

// Rules say what a game is, and who may be in it together. Where nothing else is
// said, zero means that there is no such rule.
type Rules struct {
	// NumberOfTeams is how many teams a game has; at least 1. They are numbered
	// from 0.
	NumberOfTeams int `yaml:"numberOfTeams"`
	// PlayersPerTeam is how many players a team has, at most; at least 1.
	PlayersPerTeam int `yaml:"playersPerTeam"`
	// MinPlayersPerTeam is how many it has at least. Zero means PlayersPerTeam.
	MinPlayersPerTeam int `yaml:"minPlayersPerTeam"`
	// SmallerAfterSeconds is how long a party waits before it gets a game with
	// fewer than PlayersPerTeam on some team.
	SmallerAfterSeconds int `yaml:"smallerAfterSeconds"`
	// Rating keeps those together who play about equally well.
	Rating Rating `yaml:"rating"`
	// PingMillis is how far the game may run from each party: the worst ping of
	// its players. Parties without pings go anywhere.
	PingMillis Window `yaml:"pingMillis"`
	// Roles are limits to how many players of a team are what.
	Roles Roles `yaml:"roles"`
	// PartyBalance has parties play against parties of a similar size.
	PartyBalance PartyBalance `yaml:"partyBalance"`
	// Backfill says whether running games that wait get players.
	Backfill Backfill `yaml:"backfill"`
	// ServeOldestAfterSeconds is when a party has waited long enough: from then
	// on it comes first, and its game is made of whoever is there. Rating,
	// PingMillis and PartyBalance say no more who may be in it, only sizes and
	// Roles do. So nobody waits longer than that and one more full pass, unless
	// those who wait cannot make teams with him. Zero: never.
	ServeOldestAfterSeconds int `yaml:"serveOldestAfterSeconds"`
}

// Rating is where a rating comes from, and how much those of the parties in a
// game may differ. That of a party is the mean of its players'.
type Rating struct {
	// Member is the number in the ext; empty: there are no ratings.
	Member string `yaml:"member"`
	// From is [FromPlayer], the default, or [FromParty].
	From string `yaml:"from"`
	// Default is the rating of those who have none.
	Default float64 `yaml:"default"`
	// Window is how far apart two parties in a game may be. The narrower one of
	// the two counts.
	Window Window `yaml:"window"`
}

// Where ratings come from.
const (
	FromPlayer = "player" // ExtMatchmakingPlayer
	FromParty  = "party"  // ExtMatchmakingParty
)

// Window is a bound that widens with the time somebody waits.
type Window struct {
	// Start is the bound at the beginning.
	Start float64 `yaml:"start"`
	// GrowthPerSecond is what is added each second.
	GrowthPerSecond float64 `yaml:"growthPerSecond"`
	// Max ends the growth. Zero: there is no bound at all.
	Max float64 `yaml:"max"`
}

// Roles are what players are, such as healers.
type Roles struct {
	// Member is the text member of the ExtMatchmakingPlayer; empty: no roles.
	Member string `yaml:"member"`
	// Limits are by role. Roles without an entry are not limited.
	Limits map[string]Limit `yaml:"limits"`
}

// Limit is how many players of a team have a role.
type Limit struct {
	// Min is how many there are at least.
	Min int `yaml:"min"`
	// Max is how many there are at most. Zero: any number.
	Max int `yaml:"max"`
}

// PartyBalance bounds how much the largest parties of two teams differ in size.
type PartyBalance struct {
	// Enabled turns it on.
	Enabled bool `yaml:"enabled"`
	// MaxDifference is how many players the largest parties may differ by.
	MaxDifference int `yaml:"maxDifference"`
	// UntilSeconds is how long a party insists on it. Zero: as long as it waits.
	UntilSeconds int `yaml:"untilSeconds"`
}

// Backfill is when parties go into running games. A game that waits stays in the
// queue when it is full, and gets others for those who leave, until its server or
// the studio's code takes it out.
type Backfill struct {
	// Policy is [BackfillNever], the default, [BackfillPrefer] or [BackfillAfter].
	Policy string `yaml:"policy"`
	// AfterSeconds is how long a party waits for a new game first, with
	// [BackfillAfter].
	AfterSeconds int `yaml:"afterSeconds"`
	// OpenNewGames lets new games with free places wait in the queue that they
	// were made from. Otherwise a game waits only if its server, or the studio's
	// code, says so.
	OpenNewGames bool `yaml:"openNewGames"`
}

// When parties go into running games.
const (
	BackfillNever  = "never"
	BackfillPrefer = "prefer" // before new games are made
	BackfillAfter  = "after"  // only those who have waited for some time
)

// DefaultConfig returns rules for two single players, whoever they are.
func DefaultConfig() Config { return Config{Default: Rules{NumberOfTeams: 2, PlayersPerTeam: 1}} }

const (
	maxPlayers = 1000 // of a game: they are told in one commit
	maxRoles   = 8    // with limits
)

// Validate reports every value that cannot be meant.
func (c *Config) Validate() error {
	var errs []error
	c.Default.validate("default.", &errs)
	if len(c.Queues) > 0 && c.QueueMember == "" {
		errs = append(errs, conf.Fieldf("queueMember", "want the member that names the queues"))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Queues)) {
		r := c.Queues[name]
		r.validate("queues."+name+".", &errs)
	}
	return errors.Join(errs...)
}

// problems collects what is wrong with rules.
type problems struct {
	path string
	errs *[]error
}

func (p problems) add(field, format string, args ...any) {
	*p.errs = append(*p.errs, conf.Fieldf(p.path+field, "%s", fmt.Sprintf(format, args...)))
}

func (p problems) atLeast(field string, value, least int) {
	if value < least {
		p.add(field, "want at least %d, got %d", least, value)
	}
}

func (r *Rules) validate(path string, errs *[]error) {
	p := problems{path, errs}
	before := len(*errs)
	p.atLeast("numberOfTeams", r.NumberOfTeams, 1)
	p.atLeast("playersPerTeam", r.PlayersPerTeam, 1)
	if len(*errs) == before && r.NumberOfTeams > maxPlayers/r.PlayersPerTeam {
		p.add("numberOfTeams", "want at most %d players in a game", maxPlayers)
	}
	if r.MinPlayersPerTeam < 0 || r.MinPlayersPerTeam > max(r.PlayersPerTeam, 0) {
		p.add("minPlayersPerTeam", "want 0 to playersPerTeam, got %d", r.MinPlayersPerTeam)
	}
	p.atLeast("smallerAfterSeconds", r.SmallerAfterSeconds, 0)
	p.atLeast("serveOldestAfterSeconds", r.ServeOldestAfterSeconds, 0)
	if from := r.Rating.From; from != "" && from != FromPlayer && from != FromParty {
		p.add("rating.from", "want %s or %s, got %q", FromPlayer, FromParty, from)
	}
	if d := r.Rating.Default; math.IsNaN(d) || math.IsInf(d, 0) {
		p.add("rating.default", "want a finite number")
	}
	if r.Rating.Member == "" && r.Rating.Window != (Window{}) {
		p.add("rating.member", "want the member that has the rating, since there is a window")
	}
	r.Rating.Window.validate(p, "rating.window")
	r.PingMillis.validate(p, "pingMillis")
	r.Roles.validate(p, r.PlayersPerTeam)
	p.atLeast("partyBalance.maxDifference", r.PartyBalance.MaxDifference, 0)
	p.atLeast("partyBalance.untilSeconds", r.PartyBalance.UntilSeconds, 0)
	p.atLeast("backfill.afterSeconds", r.Backfill.AfterSeconds, 0)
	if policy := r.Backfill.Policy; !slices.Contains([]string{"", BackfillNever, BackfillPrefer, BackfillAfter}, policy) {
		p.add("backfill.policy", "want %s, %s or %s, got %q", BackfillNever, BackfillPrefer, BackfillAfter, policy)
	}
}

func (w Window) validate(p problems, field string) {
	for _, f := range []struct {
		name  string
		value float64
	}{{"start", w.Start}, {"growthPerSecond", w.GrowthPerSecond}, {"max", w.Max}} {
		if !(f.value >= 0) || math.IsInf(f.value, 0) {
			p.add(field+"."+f.name, "want a finite number, at least 0, got %v", f.value)
		}
	}
	if w.Max < w.Start {
		p.add(field+".max", "want at least start, %v, got %v", w.Start, w.Max)
	} else if w.Max == 0 && w.GrowthPerSecond > 0 {
		p.add(field+".max", "want the bound that the growth ends at")
	}
}

func (l *Roles) validate(p problems, playersPerTeam int) {
	if l.Member == "" && len(l.Limits) > 0 {
		p.add("roles.member", "want the member that has the role")
	}
	if len(l.Limits) > maxRoles {
		p.add("roles.limits", "want at most %d roles, got %d", maxRoles, len(l.Limits))
	}
	needed := 0
	for _, role := range slices.Sorted(maps.Keys(l.Limits)) {
		limit := l.Limits[role]
		p.atLeast("roles.limits."+role+".min", limit.Min, 0)
		p.atLeast("roles.limits."+role+".max", limit.Max, 0)
		if limit.Max > 0 && limit.Max < limit.Min {
			p.add("roles.limits."+role+".max", "want at least min, %d, got %d", limit.Min, limit.Max)
		}
		needed += max(limit.Min, 0)
	}
	if needed > playersPerTeam {
		p.add("roles.limits", "the least numbers add up to %d, a team has %d players", needed, playersPerTeam)
	}
}

// at is the bound for somebody who has waited.
func (w Window) at(waited time.Duration) float64 {
	if w.Max == 0 {
		return math.Inf(1)
	}
	return min(w.Start+w.GrowthPerSecond*max(waited, 0).Seconds(), w.Max)
}

func (r *Rules) players() int { return r.NumberOfTeams * r.PlayersPerTeam }

// least is the size of the smallest team for somebody who has waited.
func (r *Rules) least(waited time.Duration) int {
	if r.MinPlayersPerTeam > 0 && waited >= time.Duration(r.SmallerAfterSeconds)*time.Second {
		return r.MinPlayersPerTeam
	}
	return r.PlayersPerTeam
}

// overdue reports whether somebody has waited long enough.
func (r *Rules) overdue(waited time.Duration) bool {
	return r.ServeOldestAfterSeconds > 0 && waited >= time.Duration(r.ServeOldestAfterSeconds)*time.Second
}
