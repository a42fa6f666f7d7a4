package gameinstance

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// Limits of the data stores of one instance, all players included.
const (
	// MaxDataBytes is how much data they may hold.
	MaxDataBytes = 256 << 10
	// MaxDataEntries is how many entries they may have.
	MaxDataEntries = 3072
	// MaxKeyRunes is the longest key, in characters.
	MaxKeyRunes = 128
)

// DataStore keeps named data of an instance or of one of its players, and shows
// each entry to whom its [PlayerSync] says. It is part of a working copy: get it
// from [Instance.Data] or [GamePlayer.Data]. Values are read from the store when
// they are first asked for.
type DataStore struct {
	inst  *Instance
	owner pragma.PlayerID // zero: the instance
	fresh bool            // there is nothing stored
	cells map[string]*cell
}

// entry is a value of a data store. It is never changed, only replaced.
type entry struct {
	Key  string     `json:"key"`
	Data ext.Value  `json:"data"`
	Sync PlayerSync `json:"sync"`
}

// cell is an entry that a hook has looked at: as it is stored, and as it shall be.
// Nil means that there is none.
type cell struct{ base, now *entry }

// Create adds an entry. It returns [ErrDataStoreKeyExists] if the key is there,
// [ErrDataStoreTooLarge] beyond the limits, and [pragma.ErrMalformed] for a key
// that is empty or longer than [MaxKeyRunes]. A zero sync hides the entry.
func (d *DataStore) Create(key string, data ext.Value, sync PlayerSync) error {
	if err := checkKey(key); err != nil {
		return err
	}
	c := d.cell(key)
	if c.now != nil {
		return ErrDataStoreKeyExists.With("the data store has a key %q already", key)
	}
	return d.set(c, &entry{Key: key, Data: data, Sync: sync})
}

// Get returns the data of an entry, and whether there is one.
func (d *DataStore) Get(key string) (ext.Value, bool) {
	c := d.cell(key)
	if c.now == nil {
		return ext.Value{}, false
	}
	return c.now.Data, true
}

// Sync returns who sees an entry, and whether there is one.
func (d *DataStore) Sync(key string) (PlayerSync, bool) {
	c := d.cell(key)
	if c.now == nil {
		return PlayerSync{}, false
	}
	return c.now.Sync, true
}

// UpdateData replaces the data of an entry. It returns
// [ErrDataStoreKeyNotFound] if there is none, and [ErrDataStoreTooLarge] beyond
// the limits.
func (d *DataStore) UpdateData(key string, data ext.Value) error {
	c := d.cell(key)
	if c.now == nil {
		return keyNotFound(key)
	}
	return d.set(c, &entry{Key: key, Data: data, Sync: c.now.Sync})
}

// UpdateSync changes who sees an entry. Players who no longer do are told that it
// is gone. It returns [ErrDataStoreKeyNotFound] if there is none.
func (d *DataStore) UpdateSync(key string, sync PlayerSync) error {
	c := d.cell(key)
	if c.now == nil {
		return keyNotFound(key)
	}
	return d.set(c, &entry{Key: key, Data: c.now.Data, Sync: sync})
}

// Delete removes an entry, and reports whether there was one.
func (d *DataStore) Delete(key string) bool {
	c := d.cell(key)
	if c.now == nil {
		return false
	}
	_ = d.set(c, nil) // less is never too much
	return true
}

// Keys returns the keys, sorted.
func (d *DataStore) Keys() []string {
	keys := make(map[string]bool)
	for key := range d.stored() {
		keys[key] = true
	}
	for key, c := range d.cells {
		keys[key] = c.now != nil
	}
	maps.DeleteFunc(keys, func(_ string, there bool) bool { return !there })
	return slices.Sorted(maps.Keys(keys))
}

// stored returns the entries as they are in the store, with who sees them.
func (d *DataStore) stored() map[string]PlayerSync {
	if d.fresh || d.inst.src == nil {
		return nil
	}
	ix, err := d.inst.src.index()
	if err != nil {
		d.inst.fail(err)
		return nil
	}
	return ix.of(d.owner)
}

// cell returns the entry as it is in the working copy.
func (d *DataStore) cell(key string) *cell {
	if c := d.cells[key]; c != nil {
		return c
	}
	c := new(cell)
	if !d.fresh && d.inst.src != nil && checkKey(key) == nil {
		e, err := d.inst.src.entry(d.owner, key)
		if err != nil {
			d.inst.fail(err)
		}
		c.base, c.now = e, e
	}
	if d.cells == nil {
		d.cells = make(map[string]*cell)
	}
	d.cells[key] = c
	return c
}

// set changes the working copy, within the limits.
func (d *DataStore) set(c *cell, e *entry) error {
	if d.inst.over != nil {
		return nil // whatever happens after the end is dropped
	}
	bytes, entries := d.inst.dataBytes, d.inst.dataEntries
	if c.now != nil {
		bytes -= c.now.Data.Len()
		entries--
	}
	if e != nil {
		if err := e.Data.Err(); err != nil {
			return err
		}
		bytes += e.Data.Len()
		entries++
		grows := bytes > d.inst.dataBytes || entries > d.inst.dataEntries
		if grows && (bytes > MaxDataBytes || entries > MaxDataEntries) {
			return ErrDataStoreTooLarge
		}
	}
	if c.base != nil && e != nil && e.Sync == c.base.Sync && e.Data.Equal(c.base.Data) {
		e = c.base // as if nothing had happened
	}
	d.inst.dataBytes, d.inst.dataEntries = bytes, entries
	c.now = e
	return nil
}

func checkKey(key string) error {
	if n := utf8.RuneCountInString(key); n < 1 || n > MaxKeyRunes || !utf8.ValidString(key) {
		return pragma.ErrMalformed.With("a data store key has 1 to %d characters", MaxKeyRunes)
	}
	return nil
}

func keyNotFound(key string) error {
	return ErrDataStoreKeyNotFound.With("the data store has no key %q", key)
}

// Key is the name, the type and the visibility of an entry, written once:
//
//	var score = gameinstance.Key[Score]{Name: "score", Sync: gameinstance.Public()}
//	err := score.Update(player.Data(), func(s *Score) { s.Kills++ })
//
// T is a struct or a map, what [ext.Of] takes: the data is a JSON object.
type Key[T any] struct {
	Name string
	// Sync is who sees an entry when this key creates it. The zero value hides it.
	Sync PlayerSync
}

// Create adds the entry, see [DataStore.Create].
func (k Key[T]) Create(d *DataStore, v T) error { return d.Create(k.Name, ext.Of(v), k.Sync) }

// Get returns the value, or [ErrDataStoreKeyNotFound].
func (k Key[T]) Get(d *DataStore) (T, error) {
	data, ok := d.Get(k.Name)
	if !ok {
		var none T
		return none, keyNotFound(k.Name)
	}
	v, err := ext.As[T](data)
	if err != nil {
		return v, fmt.Errorf("data store key %q: %w", k.Name, err)
	}
	return v, nil
}

// Set replaces the value, and creates the entry if there is none.
func (k Key[T]) Set(d *DataStore, v T) error {
	err := d.UpdateData(k.Name, ext.Of(v))
	if errors.Is(err, ErrDataStoreKeyNotFound) {
		return k.Create(d, v)
	}
	return err
}

// Update changes the value with fn, which gets the zero T if there is no entry
// yet; it is created then.
func (k Key[T]) Update(d *DataStore, fn func(v *T)) error {
	v, err := k.Get(d)
	if err != nil && !errors.Is(err, ErrDataStoreKeyNotFound) {
		return err
	}
	fn(&v)
	return k.Set(d, v)
}
