// Package migration reads the numbered steps of a database schema and tells which of them are missing.
package migration

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// Step is one file of a schema. It is never changed once a program with it was
// released: another step follows it.
type Step struct {
	Number   int64  // from 1
	Name     string // of the file
	SQL      string
	Checksum string // of the file, in hexadecimal
}

// Load reads the files migrations/NNNN_name.sql, which must be numbered from 1
// without gaps, in order.
func Load(files fs.FS) ([]Step, error) {
	names, err := fs.Glob(files, "migrations/*.sql") // sorted
	if err != nil {
		return nil, err
	}
	var all []Step
	for i, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		name = strings.TrimPrefix(name, "migrations/")
		digits, _, _ := strings.Cut(name, "_")
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n != int64(i+1) {
			return nil, fmt.Errorf("migration %s is out of order, want number %d", name, i+1)
		}
		sum := sha256.Sum256(text)
		all = append(all, Step{n, name, string(text), hex.EncodeToString(sum[:])})
	}
	return all, nil
}

// Missing returns the steps that are still to be applied, given the checksums of
// those that were, in order. It returns an error for a database that a newer
// program has written, or one built with a step that was changed since.
func Missing(all []Step, applied []string) ([]Step, error) {
	if len(applied) > len(all) {
		return nil, fmt.Errorf("the database has schema version %d, this program knows only %d: use a newer program", len(applied), len(all))
	}
	for i, sum := range applied {
		if sum != all[i].Checksum {
			return nil, fmt.Errorf("migration %s was changed after it had been applied to this database", all[i].Name)
		}
	}
	return all[len(applied):], nil
}
