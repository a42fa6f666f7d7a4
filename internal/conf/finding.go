package conf

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Finding is one mistake in the configuration, with the place to look at.
type Finding struct {
	File    string // as given to the loader; empty if no file says anything about Path
	Line    int    // from 1; 0 if unknown
	Column  int    // from 1, of the key; 0 if unknown
	Path    string // such as game.serviceConfigs.PartyConfig.maxPlayersPerParty, as written in the file
	Message string // never contains a substituted value
}

// Error returns one line, "file:line:column: path: message", without the parts
// that are unknown.
func (f *Finding) Error() string {
	var b strings.Builder
	if f.File != "" {
		b.WriteString(f.File)
		if f.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", f.Line, f.Column)
		}
		b.WriteString(": ")
	}
	if f.Path != "" {
		b.WriteString(f.Path + ": ")
	}
	b.WriteString(f.Message)
	return b.String()
}

// Findings is a list of mistakes, sorted by file, line and column. Those without
// a file come last.
type Findings []*Finding

// Error returns the findings one per line.
func (f Findings) Error() string {
	lines := make([]string, len(f))
	for i, finding := range f {
		lines[i] = finding.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the findings one by one, for errors.Is and errors.As.
func (f Findings) Unwrap() []error {
	errs := make([]error, len(f))
	for i, finding := range f {
		errs[i] = finding
	}
	return errs
}

// Join gathers the findings inside errs, wrapped or joined, into one sorted list
// without repetitions. Errors without findings follow unchanged. It returns nil
// if there is nothing to report.
func Join(errs ...error) error {
	var all Findings
	var others []error
	for _, err := range errs {
		others = append(others, all.take(err)...)
	}
	if others := errors.Join(others...); others != nil {
		return errors.Join(all.sorted().orNil(), others)
	}
	return all.sorted().orNil()
}

// take appends the findings in err and returns the errors that hold none.
func (f *Findings) take(err error) (others []error) {
	if _, ok := errors.AsType[*Finding](err); !ok {
		return []error{err}
	}
	switch e := err.(type) {
	case *Finding:
		*f = append(*f, e)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			others = append(others, f.take(inner)...)
		}
	default:
		return f.take(errors.Unwrap(err))
	}
	return others
}

// orNil returns f as an error, nil if there is nothing in it.
func (f Findings) orNil() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

// sorted returns f in order and without repetitions.
func (f Findings) sorted() Findings {
	f = slices.Clone(f)
	slices.SortFunc(f, func(a, b *Finding) int {
		if (a.File == "") != (b.File == "") {
			return -cmp.Compare(a.File, b.File)
		}
		return cmp.Or(
			cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Path, b.Path),
			cmp.Compare(a.Message, b.Message),
		)
	})
	return slices.CompactFunc(f, func(a, b *Finding) bool { return *a == *b })
}

// maxFindings bounds the report of one file or section: nobody reads more, and
// a file of 1 MiB could hold a hundred thousand.
const maxFindings = 100

// report collects findings.
type report struct {
	findings Findings
	more     int
}

func (r *report) full() bool { return len(r.findings) >= maxFindings }

func (r *report) add(pos position, path, format string, args ...any) {
	if r.full() {
		r.more++
		return
	}
	r.findings = append(r.findings, pos.finding(path, fmt.Sprintf(format, args...)))
}

// err returns what was collected, nil if nothing was.
func (r *report) err() error {
	all := r.findings.sorted()
	if r.more > 0 {
		all = append(all, &Finding{Message: fmt.Sprintf("%d more findings are not shown", r.more)})
	}
	return all.orNil()
}

// position is where a node was written.
type position struct {
	file         string
	line, column int
}

func (p position) finding(path, message string) *Finding {
	return &Finding{File: p.file, Line: p.line, Column: p.column, Path: path, Message: message}
}

func (p position) String() string { return fmt.Sprintf("%s:%d", p.file, p.line) }

// join appends a key to a path. Keys that would make the path ambiguous or
// unreadable are quoted.
func join(path, key string) string {
	plain := key != "" && len(key) <= 64 && !strings.ContainsFunc(key, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-'
	})
	if !plain {
		key = quote(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// quote returns s in quotes, cut to a length that fits a log line.
func quote(s string) string {
	const most = 64
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strconv.Quote(s)
}
