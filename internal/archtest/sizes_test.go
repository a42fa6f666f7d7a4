package archtest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/internal/archtest"
)

func TestMeasureCountsWhatItSays(t *testing.T) {
	m, err := archtest.Parse("example.com/game", map[string]string{
		"party/doc.go":        "// Package party keeps groups.\npackage party\n\n// Size is documented.\nconst Size = 4\n\nvar Max = 5\n\nfunc init() {\n}\n",
		"party/party_test.go": "package party_test\n\nfunc ExampleSize() {\n}\n",
		"match/match.go":      "package match\n\ntype pool[T any] struct{}\n\nfunc (p *pool[T]) run() {\n\n}\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := archtest.Sizes{
		FileP90:    10,
		FuncP95:    3,
		Documented: 50,
		Packages:   50,
		Inits:      1,
		Production: 17,
		Tests:      4,
		NoExample:  []string{"match"},
		FewTests:   []string{"match (0/7)", "party (4/10)"},
		LongFiles:  []archtest.Length{{"party/doc.go", 10}, {"match/match.go", 7}},
		LongFuncs:  []archtest.Length{{"match: pool.run", 3}, {"party: init", 2}},
	}
	if diff := cmp.Diff(want, archtest.Measure(m)); diff != "" {
		t.Errorf("Measure (-want +got):\n%s", diff)
	}
}

func TestSuiteCountsAsTest(t *testing.T) {
	m, err := archtest.Parse("example.com/game", map[string]string{
		"pragma/store/storetest/run.go":      "package storetest\n\nfunc Run() {}\n",
		"pragma/store/storetest/run_test.go": "package storetest_test\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	got := archtest.Measure(m)
	if got.Production != 0 || got.Tests != 4 || got.FewTests != nil {
		t.Errorf("Production, Tests, FewTests = %d, %d, %v, want 0, 4 and none", got.Production, got.Tests, got.FewTests)
	}
}

func TestPercentilesLeaveOutTheLongest(t *testing.T) {
	files := make(map[string]string)
	for i := range 20 { // lengths 1 to 20
		files[fmt.Sprintf("p/f%02d.go", i)] = "package p" + strings.Repeat("\n", i) + "// end"
	}
	m, err := archtest.Parse("example.com/game", files)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := archtest.Measure(m).FileP90, 18; got != want {
		t.Errorf("FileP90 = %d, want %d", got, want)
	}
}

func TestReportOfAnEmptyModuleHasNoTrouble(t *testing.T) {
	m, err := archtest.Parse("example.com/game", nil)
	if err != nil {
		t.Fatal(err)
	}
	report := archtest.Measure(m).String()
	for _, want := range []string{"file p90, lines", "public packages without example", "none"} {
		if !strings.Contains(report, want) {
			t.Errorf("report lacks %q:\n%s", want, report)
		}
	}
}
