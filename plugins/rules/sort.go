package rules

import (
	"cmp"
	"math"
	"slices"
)

// ratingKey is a ticket's place in the order of serving, under its rating as a
// number that sorts like it.
type ratingKey struct {
	key uint64
	i   int32
}

// fewKeys are sorted in the usual way.
const fewKeys = 2048

// byRating returns the tickets in the order of their ratings; those with equal
// ones in the order of serving. Large sets are sorted digit by digit, in time
// that grows no faster than they do.
func (s *solver) byRating() []ratingKey {
	keys, differ := resize(s.keys, len(s.tickets)), uint64(0)
	for i, t := range s.tickets {
		b := math.Float64bits(t.Rating + 0) // minus nought is nought
		if b>>63 == 1 {
			b = ^b
		} else {
			b |= 1 << 63
		}
		keys[i] = ratingKey{b, int32(i)}
		differ |= b ^ keys[0].key
	}
	s.keys = keys
	if len(keys) <= fewKeys {
		slices.SortFunc(keys, func(a, b ratingKey) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.i, b.i)) })
		return keys
	}
	s.spare = resize(s.spare, len(keys))
	const digit = 11 // bits
	for shift := 0; shift < 64; shift += digit {
		if differ>>shift&(1<<digit-1) != 0 {
			sortByDigit(s.spare, s.keys, shift, 1<<digit-1)
			s.keys, s.spare = s.spare, s.keys
		}
	}
	return s.keys
}

// sortByDigit writes keys in the order of one digit, and otherwise in the order
// they have.
func sortByDigit(to, from []ratingKey, shift int, mask uint64) {
	var ends [2048]int32
	for _, k := range from {
		ends[k.key>>shift&mask]++
	}
	n := int32(0)
	for d, count := range ends {
		ends[d] = n
		n += count
	}
	for _, k := range from {
		d := k.key >> shift & mask
		to[ends[d]] = k
		ends[d]++
	}
}
