package cluster_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/openpragma/engine/pragma/cluster"
)

func FuzzSubjectsFollowTheRules(f *testing.F) {
	for _, seed := range []string{"a", "a.b", "", ".", "a.", ".a", "a..b", "a b", "*", ">", "ä", "node.7f3c.call"} {
		f.Add(seed)
	}
	rule := regexp.MustCompile(`\A[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\z`)
	f.Fuzz(func(t *testing.T, subject string) {
		err := cluster.CheckSubject(subject)
		want := rule.MatchString(subject) && len(subject) <= cluster.MaxSubject
		if (err == nil) != want {
			t.Errorf("CheckSubject(%q) = %v, want valid = %v", subject, err, want)
		}
		if err != nil && !errors.Is(err, cluster.ErrSubject) {
			t.Errorf("CheckSubject(%q) = %v, want ErrSubject", subject, err)
		}
	})
}

func TestServerErrorIsCutToValidText(t *testing.T) {
	for _, text := range []string{"", "party is full", strings.Repeat("x", 5000), strings.Repeat("€", 5000)} {
		e := cluster.NewServerError("s", errors.New(text))
		if len(e.Text) > cluster.MaxErrorText || !utf8.ValidString(e.Text) || !strings.HasPrefix(text, e.Text) {
			t.Errorf("NewServerError(%d bytes) has text of %d bytes: %q", len(text), len(e.Text), e.Text)
		}
	}
	e := cluster.NewServerError("party.join", errors.New("full"))
	if got, want := e.Error(), "cluster: server of party.join: full"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
}
