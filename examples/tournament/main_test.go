package main

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// asProgram in the environment makes the test binary the program itself, when the
// backend starts game servers with it.
const asProgram = "TOURNAMENT_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestTheEveningIsTold(t *testing.T) {
	t.Setenv(asProgram, "1") // for the game servers
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	var out bytes.Buffer
	if err := run(ctx, nil, &out); err != nil {
		t.Fatalf("run: %v\n%s", err, &out)
	}
	story := out.String()
	for what, want := range map[string]struct {
		line  string
		times int
	}{
		"linked accounts":         {`8 players have linked their accounts`, 1},
		"seven sets":              {`(quarter-final \d|semi-final \d|final): \w+ against \w+`, 7},
		"a no-show":               {`quarter-final 4: hugo does not come`, 1},
		"what comes of it":        {`quarter-final 4: gwen has waited until the end of the set`, 1},
		"six games":               {`the game is over, the players have seen \w+ \d+, \w+ \d+`, 6},
		"six results":             {`the platform has the result`, 6},
		"a late one":              {`semi-final 2: the platform has the result, late`, 1},
		"a platform that is away": {`  quarter-final [123] +(\d+ times )?refused with 503, taken`, 3},
		"a set without a game":    {`  quarter-final 4 +nothing: there was no game`, 1},
		"results that get there":  {`  semi-final [12] +taken\n`, 2},
		"an answer that is lost":  {`  final +taken, but the answer got lost, sent again and recognised`, 1},
		"the whole ledger":        {`6 results of 7 sets`, 1},
		"a winner":                {`\w+ has won the cup`, 1},
		"nothing in the log":      {`level=`, 0},
	} {
		if got := len(regexp.MustCompile(want.line).FindAllString(story, -1)); got != want.times {
			t.Errorf("%s: %d times, want %d", what, got, want.times)
		}
	}
	for _, hidden := range []string{secret, applicationSecret} {
		if strings.Contains(story, hidden) {
			t.Errorf("a secret is told: %s", hidden)
		}
	}
	if t.Failed() {
		t.Log(story)
	}
}

func TestUnknownCommandsAreRefused(t *testing.T) {
	err := run(t.Context(), []string{"fence"}, new(bytes.Buffer))
	if want := `unknown command "fence": want none or gameserver`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
