package simulate

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// WriteText prints reports of the same arrivals for people, side by side.
func WriteText(w io.Writer, reports ...*Report) error {
	t := &table{Writer: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0), reports: reports}
	t.row("", func(r *Report) string { return cmp.Or(r.Name, "result") })
	t.outcome()
	t.waits()
	t.quality()
	err := t.Flush()
	for _, r := range reports {
		err = errors.Join(err, writeHistogram(w, r, len(reports) > 1))
		err = errors.Join(err, writeFaults(w, r))
	}
	return err
}

// WriteJSON writes reports as one indented JSON list.
func WriteJSON(w io.Writer, reports ...*Report) error {
	if err := json.MarshalWrite(w, reports, json.Deterministic(true), jsontext.WithIndent("  ")); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// table has a column for each report.
type table struct {
	*tabwriter.Writer
	reports []*Report
}

func (t *table) row(name string, cell func(r *Report) string) {
	fmt.Fprint(t, name)
	for _, r := range t.reports {
		fmt.Fprint(t, "\t", cell(r))
	}
	fmt.Fprintln(t)
}

func (t *table) head(name string) { fmt.Fprintln(t, "\n"+name) }

func (t *table) outcome() {
	count := func(name string, of func(r *Report) Count, always bool) {
		if always || slices.ContainsFunc(t.reports, func(r *Report) bool { return of(r) != Count{} }) {
			t.row(name, func(r *Report) string {
				c := of(r)
				return fmt.Sprintf("%d in %d parties", c.Players, c.Parties)
			})
		}
	}
	t.row("simulated time", func(r *Report) string { return r.End.Sub(r.Begin).Round(time.Second).String() })
	count("players who came", func(r *Report) Count { return r.Arrived }, true)
	count("  got a game", func(r *Report) Count { return r.Matched }, true)
	count("  wait at the end", func(r *Report) Count { return r.StillWaiting }, true)
	count("  lost patience", func(r *Report) Count { return r.LostPatience }, false)
	count("  timed out", func(r *Report) Count { return r.TimedOut }, false)
	count("  lost to a fault", func(r *Report) Count { return r.Failed }, false)
	count("  refused on entering", func(r *Report) Count { return r.Refused }, false)
	t.row("longest wait at the end", func(r *Report) string { return seconds(r.LongestWaitSeconds) })
	t.row("new games", func(r *Report) string { return fmt.Sprintf("%d, %s an hour", r.Matches, figure(r.MatchesPerHour)) })
	if slices.ContainsFunc(t.reports, func(r *Report) bool { return r.Joins > 0 }) {
		t.row("joins of running games", func(r *Report) string { return strconv.Itoa(r.Joins) })
	}
}

func (t *table) waits() {
	t.head("waiting time of those who got a game, in seconds: p50 p90 p99 max")
	t.row("  all", func(r *Report) string { return spread(r.WaitSeconds) })
	t.groups("  party of ", func(r *Report) []Group { return r.WaitSecondsBySize })
	t.groups("  zone ", func(r *Report) []Group { return r.WaitSecondsByZone })
}

// groups prints the groups that any report has.
func (t *table) groups(prefix string, of func(r *Report) []Group) {
	var names []string
	for _, r := range t.reports {
		for _, g := range of(r) {
			if !slices.Contains(names, g.Name) {
				names = append(names, g.Name)
			}
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	if len(names) == 1 && names[0] == "" {
		return // no game has a zone
	}
	for _, name := range names {
		t.row(prefix+cmp.Or(name, "(none)"), func(r *Report) string {
			for _, g := range of(r) {
				if g.Name == name {
					return spread(g.Distribution)
				}
			}
			return "-"
		})
	}
}

func (t *table) quality() {
	t.head("quality of the games: p50 p90 p99 max")
	t.row("  rating, best less weakest player", func(r *Report) string { return spread(r.RatingSpread) })
	t.row("  rating, best less weakest team", func(r *Report) string { return spread(r.TeamDifference) })
	t.row("  ping, milliseconds", func(r *Report) string { return spread(r.PingMillis) })
	t.row("  quality by the plugin, mean and p50", func(r *Report) string {
		return figure(r.Quality.Mean) + " " + figure(r.Quality.P50)
	})
	t.row("  size of the largest parties, difference", func(r *Report) string {
		var cells []string
		all := 0
		for _, s := range r.PartyDifference {
			all += s.Matches
		}
		for _, s := range r.PartyDifference {
			cells = append(cells, fmt.Sprintf("%d: %d%%", s.Difference, (200*s.Matches+all)/(2*all)))
		}
		return cmp.Or(strings.Join(cells, " "), "-")
	})
}

func spread(d Distribution) string {
	if d.Count == 0 {
		return "-"
	}
	return strings.Join([]string{figure(d.P50), figure(d.P90), figure(d.P99), figure(d.Max)}, " ")
}

// figure prints no more digits than anybody compares.
func figure(v float64) string {
	switch {
	case v >= 100 || v <= -100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10 || v <= -10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

func seconds(v float64) string { return figure(v) + " s" }

// barWidth is the length of the longest bar.
const barWidth = 50

func writeHistogram(w io.Writer, r *Report, named bool) error {
	longest := 0
	for _, b := range r.WaitHistogram {
		longest = max(longest, b.Count)
	}
	if longest == 0 {
		return nil
	}
	title := "\nplayers by waiting time"
	if named {
		title += ", " + r.Name
	}
	var text strings.Builder
	fmt.Fprintln(&text, title)
	from := 0.0
	for _, b := range r.WaitHistogram {
		label := fmt.Sprintf("%.0f s and more", from)
		if b.UpTo > 0 {
			label = fmt.Sprintf("%.0f to %.0f s", from, b.UpTo)
		}
		bar := (b.Count*barWidth + longest - 1) / longest // somebody is never nobody
		fmt.Fprintln(&text, strings.TrimRight(fmt.Sprintf("  %-16s %7d %s", label, b.Count, strings.Repeat("#", bar)), " "))
		from = b.UpTo
	}
	_, err := io.WriteString(w, text.String())
	return err
}

func writeFaults(w io.Writer, r *Report) error {
	if r.Faults == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "\n%d faults in %s, such as:\n  %s\n", r.Faults, cmp.Or(r.Name, "the plugin"), strings.Join(r.FaultTexts, "\n  "))
	return err
}
