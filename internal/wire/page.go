package wire

import (
	"errors"
	"fmt"
)

// Page is the part of a list that somebody asks for (wire §16.6). Requests embed
// it. Answers say how many there are in all, as count. A size that is too large is
// refused: who counts pages of the size he asked for would miss entries if they
// were smaller.
type Page struct {
	PageIndex Int32 `json:"pageIndex"`
	PageSize  Int32 `json:"pageSize"` // 0: 50; at most 500
}

const (
	usualPage   = 50
	largestPage = 500
)

// Of returns which of n entries belong to the page: those from start up to end,
// without it. A page behind the last entry is empty.
func (p Page) Of(n int) (start, end int, err error) {
	if p.PageIndex < 0 || p.PageSize < 0 {
		return 0, 0, errors.New("pageIndex and pageSize must not be negative")
	}
	if p.PageSize > largestPage {
		return 0, 0, fmt.Errorf("pageSize is %d, at most %d is possible", p.PageSize, largestPage)
	}
	size := int(p.PageSize)
	if size == 0 {
		size = usualPage
	}
	start = min(int(p.PageIndex)*size, n)
	return start, min(start+size, n), nil
}
