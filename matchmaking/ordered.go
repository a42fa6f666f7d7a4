package matchmaking

import (
	"cmp"
	"slices"
)

// ordered is parties in the order of a key; those with equal keys in the order of
// their tickets. Changes come in batches and cost a search for each and one move
// of memory for all.
type ordered struct {
	keys    []float64
	parties []*Party
}

// item is a party under its key.
type item struct {
	key   float64
	party *Party
}

func (a item) compare(b item) int {
	return cmp.Or(cmp.Compare(a.key, b.key), a.party.TicketID.Compare(b.party.TicketID))
}

// find returns where an item is, or belongs.
func (o *ordered) find(it item, end int) int {
	lo, hi := 0, end
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if (item{o.keys[mid], o.parties[mid]}).compare(it) < 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// drop takes items out; those that are not there are skipped.
func (o *ordered) drop(gone []item) {
	slices.SortFunc(gone, item.compare)
	to, from := -1, 0 // what is kept is moved to to, and comes from from
	for _, it := range gone {
		i := o.find(it, len(o.keys))
		if i == len(o.keys) || o.parties[i] != it.party || i < from {
			continue
		}
		if to < 0 {
			to = i
		} else {
			to = o.move(to, from, i)
		}
		from = i + 1
	}
	if to < 0 {
		return
	}
	to = o.move(to, from, len(o.keys))
	clear(o.parties[to:])
	o.keys, o.parties = o.keys[:to], o.parties[:to]
	if cap(o.keys) > 1024 && cap(o.keys) > 4*to {
		o.keys, o.parties = slices.Clone(o.keys), slices.Clone(o.parties)
	}
}

func (o *ordered) move(to, from, end int) int {
	copy(o.keys[to:], o.keys[from:end])
	return to + copy(o.parties[to:], o.parties[from:end])
}

// insert puts items in.
func (o *ordered) insert(items []item) {
	slices.SortFunc(items, item.compare)
	end, k := len(o.keys), len(items)
	o.keys = slices.Grow(o.keys, k)[:end+k]
	o.parties = slices.Grow(o.parties, k)[:end+k]
	for j := k - 1; j >= 0; j-- {
		i := o.find(items[j], end)
		copy(o.keys[i+j+1:], o.keys[i:end])
		copy(o.parties[i+j+1:], o.parties[i:end])
		o.keys[i+j], o.parties[i+j] = items[j].key, items[j].party
		end = i
	}
}

// between returns the parties with keys from from to to, both included.
func (o *ordered) between(from, to float64) []*Party {
	if o == nil || !(from <= to) {
		return nil
	}
	lo, _ := slices.BinarySearch(o.keys, from)
	hi := lo
	for width := len(o.keys) - lo; width > 0; { // the first above to
		half := (width + 1) / 2
		if o.keys[hi+half-1] <= to {
			hi += half
			width -= half
		} else {
			width = half - 1
		}
	}
	return o.parties[lo:hi:hi]
}

func (o *ordered) all() []*Party {
	if o == nil {
		return nil
	}
	return slices.Clip(o.parties)
}
