package store

import (
	"slices"
	"sort"
)

// maxBlock bounds what an insert into a sorted set moves.
const maxBlock = 512

// sorted is an ordered set in blocks, so that a change moves a part of one block
// and not all that comes after it. Make one with newSorted.
type sorted[T any] struct {
	compare func(a, b T) int
	blocks  [][]T // none is empty
}

func newSorted[T any](compare func(a, b T) int) *sorted[T] { return &sorted[T]{compare: compare} }

// find returns the place of v, or where it would be: block and index.
func (s *sorted[T]) find(v T) (b, i int, found bool) {
	b = sort.Search(len(s.blocks), func(b int) bool { return s.compare(s.blocks[b][0], v) > 0 })
	if b = max(b-1, 0); b == len(s.blocks) {
		return b, 0, false
	}
	i, found = slices.BinarySearchFunc(s.blocks[b], v, s.compare)
	return b, i, found
}

func (s *sorted[T]) insert(v T) {
	b, i, found := s.find(v)
	switch {
	case found:
		return
	case len(s.blocks) == 0:
		s.blocks = [][]T{{v}}
		return
	}
	s.blocks[b] = slices.Insert(s.blocks[b], i, v)
	if block := s.blocks[b]; len(block) > maxBlock {
		half := len(block) / 2
		s.blocks = slices.Insert(s.blocks, b+1, slices.Clone(block[half:]))
		clear(block[half:])
		s.blocks[b] = block[:half]
	}
}

func (s *sorted[T]) remove(v T) {
	b, i, found := s.find(v)
	if !found {
		return
	}
	s.blocks[b] = slices.Delete(s.blocks[b], i, i+1)
	if len(s.blocks[b]) == 0 {
		s.blocks = slices.Delete(s.blocks, b, b+1)
	}
}

// all yields the values in order.
func (s *sorted[T]) all(yield func(T) bool) {
	for _, block := range s.blocks {
		for _, v := range block {
			if !yield(v) {
				return
			}
		}
	}
}

// from returns the first value that is not before v.
func (s *sorted[T]) from(v T) (first T, ok bool) {
	b, i, _ := s.find(v)
	if b < len(s.blocks) && i == len(s.blocks[b]) {
		b, i = b+1, 0
	}
	if b >= len(s.blocks) {
		return first, false
	}
	return s.blocks[b][i], true
}
