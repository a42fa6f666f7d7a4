package archtest_test

import (
	"slices"
	"testing"

	"github.com/openpragma/engine/internal/archtest"
)

func TestRanksGoDownAndSayWhy(t *testing.T) {
	ranks := archtest.Ranks()
	if !slices.IsSortedFunc(ranks, func(a, b archtest.Rank) int { return b.Level - a.Level }) {
		t.Error("ranks are not sorted from the top")
	}
	for _, r := range ranks {
		if r.Why == "" || len(r.Packages) == 0 {
			t.Errorf("rank %d: row without packages or reason: %+v", r.Level, r)
		}
	}
}

func TestLibrariesSayWhyAndStandOnce(t *testing.T) {
	seen := make(map[string]bool)
	for _, l := range archtest.Libraries() {
		if l.Path == "" || l.Why == "" {
			t.Errorf("row without path or reason: %+v", l)
		}
		if seen[l.Path] {
			t.Errorf("library %s has two rows", l.Path)
		}
		seen[l.Path] = true
	}
}

func TestEveryPackageOfTheStyleGuideHasItsRank(t *testing.T) {
	levels := map[string]int{
		"examples/skirmish":          12,
		"cmd/pragma":                 12,
		"examples/skirmish/messages": 11,
		"pragma/store/storetest":     10,
		"plugins/warmbody":           9,
		"pragma/store/sqlite":        9,
		"plugins":                    8,
		"client":                     8,
		"escs":                       7,
		"matchmaking":                6,
		"fleet":                      6,
		"party":                      5,
		"pragma/account":             4,
		"pragma/slot":                4,
		"pragma/entity":              3,
		"pragma":                     2,
		"pragma/store":               1,
		"internal/wire":              1,
		"pragma/ext":                 0,
		"internal/conf":              0,
		"internal/deep/er":           0,
	}
	for pkg, want := range levels {
		r, ok := archtest.RankOf(archtest.Ranks(), pkg)
		if !ok || r.Level != want {
			t.Errorf("rank of %s = %d (found: %t), want %d", pkg, r.Level, ok, want)
		}
	}
}

func TestLibraryIsGrantedOnlyToRankedPackages(t *testing.T) {
	for _, l := range archtest.Libraries() {
		for _, pkg := range l.In {
			if pkg == "*" || pkg == "*/..." {
				continue
			}
			if _, ok := archtest.RankOf(archtest.Ranks(), pkg); !ok {
				t.Errorf("library %s is granted to %s, which has no rank", l.Path, pkg)
			}
		}
	}
}

func TestUnknownPackageHasNoRank(t *testing.T) {
	for _, pkg := range []string{"util", "pragma/unknown", "party/deep", "plugins/a/b", "examples"} {
		if r, ok := archtest.RankOf(archtest.Ranks(), pkg); ok {
			t.Errorf("rank of %s = %d, want none", pkg, r.Level)
		}
	}
}
