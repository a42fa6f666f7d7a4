package main

import (
	"runtime/debug"
	"testing"
)

func TestRevisionIsShortAndTellsOfChanges(t *testing.T) {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	for _, c := range []struct {
		name     string
		settings []debug.BuildSetting
		want     string
	}{
		{name: "not known"},
		{name: "a commit", settings: []debug.BuildSetting{{Key: "vcs.revision", Value: commit}, {Key: "vcs.modified", Value: "false"}}, want: " (revision 0123456789ab)"},
		{name: "a commit and changes", settings: []debug.BuildSetting{{Key: "vcs.revision", Value: commit}, {Key: "vcs.modified", Value: "true"}}, want: " (revision 0123456789ab with changes)"},
		{name: "a short name", settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "42"}}, want: " (revision 42)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := revisionOf(c.settings); got != c.want {
				t.Errorf("revisionOf() = %q, want %q", got, c.want)
			}
		})
	}
}
