package account

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/store"
)

// nameTries is how many discriminators are tried at random before all that are
// taken are looked at, and then among those that seemed free.
const nameTries = 8

// discriminators is how many accounts may have the same display name.
const discriminators = 10000

// freeName takes a display name with a discriminator nobody has, by chance among
// those that are free.
func (a *accounts) freeName(tx *entity.Tx, name string, id pragma.SocialID) (pragma.DisplayName, error) {
	for range nameTries {
		full := discriminated(name, rand.IntN(discriminators))
		if ok, err := take(tx, a.names, nameKey(full), id); ok || err != nil {
			return full, err
		}
	}
	free, err := a.freeNames(tx.Context(), name)
	if err != nil {
		return pragma.DisplayName{}, err
	}
	for range nameTries { // the list is not part of the commit
		if len(free) == 0 {
			return pragma.DisplayName{}, ErrNoDiscriminators
		}
		full := free[rand.IntN(len(free))]
		if ok, err := take(tx, a.names, nameKey(full), id); ok || err != nil {
			return full, err
		}
	}
	return pragma.DisplayName{}, pragma.ErrUnavailable.With("too many accounts take this display name at once")
}

// freeNames returns every free form of a display name.
func (a *accounts) freeNames(ctx context.Context, name string) ([]pragma.DisplayName, error) {
	taken := make(map[string]bool)
	for item, err := range a.names.List(ctx, strings.ToLower(name)+"#", "") {
		if err != nil && item.ID == "" {
			return nil, fmt.Errorf("list display names: %w", err)
		}
		taken[item.ID] = err != nil || !item.State.SocialID.IsZero()
	}
	var free []pragma.DisplayName
	for n := range discriminators {
		if full := discriminated(name, n); !taken[nameKey(full)] {
			free = append(free, full)
		}
	}
	return free, nil
}

// rename gives an account another display name and frees the old one. The digits
// stay if nobody has them with the new name.
func (a *accounts) rename(tx *entity.Tx, acc *state, name string) error {
	if name == acc.DisplayName.DisplayName {
		return nil
	}
	old := nameKey(acc.DisplayName)
	full := pragma.DisplayName{DisplayName: name, Discriminator: acc.DisplayName.Discriminator}
	ok, err := take(tx, a.names, nameKey(full), acc.SocialID)
	if err == nil && !ok {
		full, err = a.freeName(tx, name, acc.SocialID)
	}
	if err != nil {
		return err
	}
	acc.DisplayName, acc.DisplayNameUpdated = full, tx.Now()
	if nameKey(full) == old { // only the case has changed
		return nil
	}
	return release(tx, a.names, old, acc.SocialID, pragma.SocialID{})
}

func discriminated(name string, n int) pragma.DisplayName {
	return pragma.DisplayName{DisplayName: name, Discriminator: fmt.Sprintf("%04d", n)}
}

// nameKey is what makes display names that differ only in case the same.
func nameKey(n pragma.DisplayName) string { return strings.ToLower(n.String()) }

// The longest display name: in letters, and in bytes of its key.
const (
	maxName    = 32
	maxNameKey = store.MaxIDBytes - len("#0000")
)

// cleanName makes a display name of what a provider calls an account: printable,
// without the separator, not empty, not too long.
func cleanName(name string) string {
	var b strings.Builder
	letters, key := 0, 0
	for _, r := range strings.TrimSpace(name) {
		if !nameRune(r) {
			continue
		}
		letters++
		key += len(strings.ToLower(string(r)))
		if letters > maxName || key > maxNameKey {
			break
		}
		b.WriteRune(r)
	}
	return cmp.Or(strings.TrimSpace(b.String()), "player")
}

// checkName returns the display name somebody asks for, without spaces around
// it, or refuses it.
func checkName(name string) (string, error) {
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return "", ErrBadRequest.With("the display name is empty")
	case utf8.RuneCountInString(name) > maxName, len(strings.ToLower(name)) > maxNameKey:
		return "", ErrBadRequest.With("the display name is longer than %d letters", maxName)
	case strings.ContainsFunc(name, func(r rune) bool { return !nameRune(r) }):
		return "", ErrBadRequest.With("the display name has a letter that it may not have")
	}
	return name, nil
}

// nameRune reports whether a letter may be in a display name.
func nameRune(r rune) bool { return unicode.IsPrint(r) && r != '#' && r != utf8.RuneError }
