package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// command is one word of the command line and what it does. stdout is for
// results, stderr for logs.
type command struct {
	name   string
	args   string // what follows the flags, for people
	short  string
	hidden bool // not in the list of commands
	run    func(ctx context.Context, args []string, stdout, stderr io.Writer) error
}

// group is a command that consists of others.
type group struct {
	name string
	list []command
}

// run runs the command that args begin with.
func (g group) run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		g.help(stderr)
		return usageError{fmt.Sprintf("%s needs a command", g.name)}
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		if len(args) > 1 {
			return g.run(ctx, append(args[1:], "-h"), stdout, stderr)
		}
		g.help(stdout)
		return flag.ErrHelp
	}
	for _, c := range g.list {
		if c.name == args[0] {
			return c.run(ctx, args[1:], stdout, stderr)
		}
	}
	return usageError{fmt.Sprintf("unknown command %q; %s help lists them", args[0], g.name)}
}

func (g group) help(w io.Writer) {
	fmt.Fprintf(w, "usage: %s <command> [flags]\n\n", g.name)
	for _, c := range g.list {
		if !c.hidden {
			fmt.Fprintf(w, "  %-8s %s\n", c.name, c.short)
		}
	}
	fmt.Fprintf(w, "\n%s help <command> tells more.\n", g.name)
}

// usageError is a mistake in the command line.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

// flags returns the flags of a command, such as "bench calls".
func flags(name string) *flag.FlagSet {
	fs := flag.NewFlagSet("pragma "+name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	return fs
}

// parse reads the command line. rest names what may follow the flags; empty:
// nothing. Help goes to stdout, with [flag.ErrHelp].
func parse(fs *flag.FlagSet, args []string, rest string, stdout io.Writer) error {
	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(stdout, strings.TrimSpace("usage: "+fs.Name()+" [flags] "+rest))
		fs.SetOutput(stdout)
		fs.PrintDefaults()
		return err
	case err != nil:
		return usageError{fmt.Sprintf("%s: %v; %s -h shows the flags", fs.Name(), err, fs.Name())}
	case rest == "" && fs.NArg() > 0:
		return usageError{fmt.Sprintf("%s: unexpected %q", fs.Name(), fs.Arg(0))}
	}
	return nil
}

// numbers is a flag with a list of positive numbers, such as 1,8,32.
type numbers []int

// String implements [flag.Value].
func (n *numbers) String() string {
	var words []string
	for _, v := range *n {
		words = append(words, strconv.Itoa(v))
	}
	return strings.Join(words, ",")
}

// Set implements [flag.Value].
func (n *numbers) Set(text string) error {
	*n = nil
	for word := range strings.SplitSeq(text, ",") {
		v, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || v < 1 {
			return fmt.Errorf("want positive numbers such as 1,8,32, got %q", word)
		}
		*n = append(*n, v)
	}
	return nil
}

// positive is a flag with one number above zero.
type positive int

// String implements [flag.Value].
func (p *positive) String() string { return strconv.Itoa(int(*p)) }

// Set implements [flag.Value].
func (p *positive) Set(text string) error {
	v, err := strconv.Atoi(text)
	if err != nil || v < 1 {
		return fmt.Errorf("want a positive number, got %q", text)
	}
	*p = positive(v)
	return nil
}
