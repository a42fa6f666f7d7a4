package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/transfer"
)

func storeCommands() []command {
	return []command{
		{name: "migrate", short: "bring the schema up to date, without serving", run: storeMigrate},
		{name: "check", short: "read everything and report what is wrong", run: storeCheck},
		{name: "export", args: "file", short: "write all records into a file", run: storeExport},
		{name: "import", args: "file", short: "create the records of a file, or go on with it", run: storeImport},
		{name: "backup", args: "file", short: "copy a SQLite database, also while a server uses it", run: storeBackup},
	}
}

// storeMigrate applies the steps of the schema that a database lacks.
func storeMigrate(ctx context.Context, args []string, stdout, _ io.Writer) error {
	fs := flags("store migrate")
	dbs := addStoreFlags(fs)
	dry := fs.Bool("dry-run", false, "list the steps and change nothing")
	if err := parse(fs, args, "", stdout); err != nil {
		return err
	}
	all, err := dbs.all()
	if err != nil {
		return err
	}
	for _, t := range all {
		if err := migrateOne(ctx, t, *dry, stdout); err != nil {
			return err
		}
	}
	return nil
}

func migrateOne(ctx context.Context, t target, dry bool, stdout io.Writer) error {
	steps, err := t.Pending(ctx)
	if err != nil {
		return err
	}
	what := "pending"
	if !dry {
		what = "applied"
		db, err := t.open(ctx) // also without a step: it probes
		if err == nil {
			err = db.Close()
		}
		if err != nil {
			return err
		}
	}
	for _, name := range steps {
		fmt.Fprintf(stdout, "%s: %s %s\n", t.place, what, name)
	}
	if len(steps) == 0 {
		fmt.Fprintf(stdout, "%s: up to date\n", t.place)
	}
	return nil
}

// storeCheck reads everything that databases hold.
func storeCheck(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flags("store check")
	dbs := addStoreFlags(fs)
	if err := parse(fs, args, "", stdout); err != nil {
		return err
	}
	all, err := dbs.all()
	if err != nil {
		return err
	}
	found := int64(0)
	for _, t := range all {
		n, err := checkOne(ctx, t, stdout, stderr)
		if err != nil {
			return err
		}
		found += n
	}
	if found > 0 {
		return fmt.Errorf("findings in the store: %d", found)
	}
	fmt.Fprintln(stdout, "ok")
	return nil
}

// checkOne prints what is in a database and what is wrong with it, and returns the
// number of findings.
func checkOne(ctx context.Context, t target, stdout, stderr io.Writer) (int64, error) {
	fmt.Fprintln(stdout, t.place)
	findings, err := t.Probe(ctx)
	if err != nil {
		return 0, err
	}
	db, err := t.OpenReadOnly(ctx)
	if err != nil {
		return 0, err
	}
	report, err := transfer.Check(ctx, db, newMeter(stderr).report)
	if err := errors.Join(err, db.Close()); err != nil {
		return 0, err
	}
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "kind\trecords\tbytes\tlargest\ttimers\tnot JSON\tchecksum\t")
	for i, k := range report.Kinds {
		d := report.Details[i]
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%.16s\t\n", k.Name, k.Records, k.Bytes, d.Largest, d.Timers, d.Other, k.Checksum)
	}
	fmt.Fprintf(w, "all\t%d\t%d\t\t\t\t\t\n", report.Records, report.Bytes)
	if err := w.Flush(); err != nil {
		return 0, err
	}
	findings = append(findings, report.Findings...)
	for _, f := range findings {
		fmt.Fprintln(stdout, "finding:", f)
	}
	if report.Unmentioned > 0 {
		fmt.Fprintf(stdout, "and %d more findings in records\n", report.Unmentioned)
	}
	return int64(len(findings)) + report.Unmentioned, nil
}

// storeExport writes an export of a database.
func storeExport(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flags("store export")
	dbs := addStoreFlags(fs)
	name, err := withFile(fs, args, stdout)
	if err != nil {
		return err
	}
	t, err := dbs.one()
	if err != nil {
		return err
	}
	db, err := t.OpenReadOnly(ctx)
	if err != nil {
		return err
	}
	m := newMeter(stderr)
	var sum transfer.Summary
	if name == "-" {
		sum, err = transfer.Export(ctx, db, stdout, m.report)
	} else {
		sum, err = exportFile(ctx, db, name, m)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	m.done("exported", sum)
	return nil
}

// exportFile writes an export into a new file, which appears when it is complete
// and was read back. It is for its owner only, as databases are.
func exportFile(ctx context.Context, db store.Driver, name string, m *meter) (_ transfer.Summary, err error) {
	if _, err := os.Lstat(name); err == nil {
		return transfer.Summary{}, fmt.Errorf("%s exists already", name)
	}
	part := name + ".part"
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return transfer.Summary{}, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(part))
		}
	}()
	sum, err := transfer.Export(ctx, db, f, m.report)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err == nil {
		_, err = transfer.Verify(ctx, f, m.report)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return transfer.Summary{}, err
	}
	return sum, os.Rename(part, name)
}

// storeImport creates the records of an export.
func storeImport(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flags("store import")
	dbs := addStoreFlags(fs)
	var o transfer.ImportOptions
	fs.BoolVar(&o.Add, "add", false, "import into a store that has records; none of them is changed")
	name, err := withFile(fs, args, stdout)
	if err != nil {
		return err
	}
	t, err := dbs.one()
	if err != nil {
		return err
	}
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	db, err := t.open(ctx)
	if err != nil {
		return err
	}
	m := newMeter(stderr)
	o.Progress = m.report
	sum, err := transfer.Import(ctx, db, file, o)
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	m.done("imported and compared", sum)
	return nil
}

// storeBackup copies a database file.
func storeBackup(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flags("store backup")
	dbs := addStoreFlags(fs)
	name, err := withFile(fs, args, stdout)
	if err != nil {
		return err
	}
	t, err := dbs.one()
	if err != nil {
		return err
	}
	db, ok := t.Inspector.(interface {
		Backup(ctx context.Context, to string) error
	})
	if !ok {
		return fmt.Errorf("%s is backed up with the tools of its server, see docs/operations.md", t.place)
	}
	begun := time.Now()
	if err := db.Backup(ctx, name); err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	fmt.Fprintf(stderr, "backed up into %s: %d bytes in %v\n", filepath.Base(name), info.Size(), time.Since(begun).Round(time.Millisecond))
	return nil
}

// withFile parses the command line of a command with one file.
func withFile(fs *flag.FlagSet, args []string, stdout io.Writer) (string, error) {
	if err := parse(fs, args, "file", stdout); err != nil {
		return "", err
	}
	if fs.NArg() != 1 {
		return "", usageError{fs.Name() + ": name one file, after the flags"}
	}
	return fs.Arg(0), nil
}

// meterEvery is how often a meter says how far it is.
const meterEvery = 2 * time.Second

// meter tells people how far a long command is.
type meter struct {
	out    io.Writer
	begun  time.Time
	phase  string
	start  time.Time // of the phase
	spoken time.Time
}

func newMeter(out io.Writer) *meter {
	now := time.Now()
	return &meter{out: out, begun: now, spoken: now}
}

// report is a [transfer.Progress].
func (m *meter) report(phase string, done, total int64) {
	now := time.Now()
	if phase != m.phase {
		m.phase, m.start = phase, now
	}
	if now.Sub(m.spoken) < meterEvery {
		return
	}
	m.spoken = now
	speed := float64(done) / max(now.Sub(m.start).Seconds(), 0.001)
	if total > 0 {
		fmt.Fprintf(m.out, "%s: %d of %d records (%d%%), %.0f/s\n", phase, done, total, 100*done/total, speed)
		return
	}
	fmt.Fprintf(m.out, "%s: %d records, %.0f/s\n", phase, done, speed)
}

// done says what was done in all.
func (m *meter) done(what string, sum transfer.Summary) {
	took := time.Since(m.begun)
	fmt.Fprintf(m.out, "%s %d records of %d kinds, %d bytes, in %v (%.0f/s)\n", what, sum.Records, len(sum.Kinds), sum.Bytes,
		took.Round(time.Millisecond), float64(sum.Records)/max(took.Seconds(), 0.001))
	for _, k := range sum.Kinds {
		fmt.Fprintf(m.out, "  %s: %d records, %d bytes, sha256 %s\n", k.Name, k.Records, k.Bytes, k.Checksum)
	}
}
