package archtest

import (
	"path"
	"strings"
)

// A Rank is one layer of the module. A package imports only from lower ranks;
// two packages of one rank do not know each other.
type Rank struct {
	Level    int
	Packages []string // patterns, see matches
	Why      string
}

// SuiteRank is the rank of packages that are there to be called by tests.
const SuiteRank = 10

// serverPackage is called by suites as well as by tests.
const serverPackage = "internal/dbtest"

// isSuite reports whether a package is there to be called by tests.
func isSuite(ranks []Rank, pkg string) bool {
	r, ok := RankOf(ranks, pkg)
	return ok && (r.Level == SuiteRank || pkg == serverPackage)
}

// Ranks returns the layers of this module, from the top. The first row that
// names a package counts.
func Ranks() []Rank {
	return []Rank{
		{12, []string{"examples/*", "cmd/pragma"}, "programs; nobody imports them"},
		{11, []string{"examples/*/..."}, "packages of one example, so that its program may import its own messages"},
		{SuiteRank, []string{"pragma/pragmatest", "pragma/store/storetest", "pragma/cluster/clustertest", "escs/escstest", "gameinstance/providertest"}, "harness and conformance suites, called by tests"},
		{9, []string{serverPackage}, "database servers for the suites"},
		{9, []string{"plugins/*", "pragma/store/sqlite", "pragma/store/mysql", "pragma/store/postgres", "pragma/cluster/nats"}, "chosen in main, unknown below"},
		{8, []string{"plugins", "client"}, "see every feature"},
		{7, []string{"escs"}, "decorates the features; none knows it"},
		{7, []string{"matchmaking/simulate"}, "lets time pass in a queue without a server, for any plugin"},
		{6, []string{"matchmaking", "fleet"}, "know party and game instance; they do not know them"},
		{5, []string{"party", "gameinstance", "authcode", "friends"}, "do not know each other; shared ids live in pragma"},
		{4, []string{"pragma/account", "pragma/inventory", "pragma/logindata", "pragma/playerdata", "pragma/telemetry"}, "services every feature may use"},
		{4, []string{"pragma/slot"}, "where a player is: party, queue entry, game instances; every feature changes it in its own commit"},
		{3, []string{"pragma/entity"}, "needs the server's store, bus and sessions"},
		{2, []string{"pragma/store/transfer"}, "moves a store into another; knows the port and no driver"},
		{2, []string{"pragma"}, "below the features, so that a studio's own service looks first-party"},
		{2, []string{"internal/sqlstore"}, "what the drivers of SQL databases share"},
		{1, []string{"pragma/store", "pragma/cluster"}, "ports; their drivers sit above"},
		{1, []string{"internal/wire"}, "messages; their ext members are values of pragma/ext"},
		{0, []string{"pragma/ext", "internal/..."}, "leaves: studio messages, configuration files, tokens, locks"},
	}
}

// RankOf returns the layer of a package, false if it has none.
func RankOf(ranks []Rank, pkg string) (Rank, bool) {
	for _, r := range ranks {
		if matchesAny(r.Packages, pkg) {
			return r, true
		}
	}
	return Rank{}, false
}

func matchesAny(patterns []string, pkg string) bool {
	for _, p := range patterns {
		if matches(p, pkg) {
			return true
		}
	}
	return false
}

// matches reports whether pattern names pkg: a * stands for one path element, a
// final /... for one or more.
func matches(pattern, pkg string) bool {
	if head, deep := strings.CutSuffix(pattern, "/..."); deep {
		n := strings.Count(head, "/") + 1
		elems := strings.Split(pkg, "/")
		return len(elems) > n && matches(head, strings.Join(elems[:n], "/"))
	}
	ok, err := path.Match(pattern, pkg)
	return ok && err == nil
}
