package main

import (
	"strings"
	"testing"
)

func TestStoryIsNotToldIfAnythingIsWrong(t *testing.T) {
	right := func() *seen {
		final := score{Round: rounds, Red: 2, Blue: 3}
		return &seen{bot: &bot{name: "ada"}, over: true, told: true, score: final, result: gameResult{Score: final}, plans: map[string]string{redPlan.Name: "hold"}}
	}
	for name, c := range map[string]struct {
		change func(v *seen)
		want   string // what the error says; none if empty
	}{
		"all is well":              {func(*seen) {}, ""},
		"no result":                {func(v *seen) { v.told = false }, "was not told the result"},
		"match that broke off":     {func(v *seen) { v.broken = "KEEP_ALIVE_FAILED" }, "KEEP_ALIVE_FAILED"},
		"plan of the others":       {func(v *seen) { v.plans[bluePlan.Name] = "go" }, "saw 2 plans"},
		"hidden entry":             {func(v *seen) { v.hidden = true }, "hidden entry: true"},
		"score before the end":     {func(v *seen) { v.score.Round-- }, "but the result says"},
		"result of too few rounds": {func(v *seen) { v.score.Round--; v.result.Score.Round-- }, "but the result says"},
	} {
		t.Run(name, func(t *testing.T) {
			v := right()
			c.change(v)
			err := checkViews([]*seen{right(), v})
			if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
