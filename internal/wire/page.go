package wire

import "errors"

// Page is the part of a list that an operator asks for (wire §16.6). Requests
// embed it. Answers say how many there are in all, as count.
type Page struct {
	PageIndex Int32 `json:"pageIndex"`
	PageSize  Int32 `json:"pageSize"` // 0: 50; more than 500: 500
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
	size := int(min(p.PageSize, largestPage))
	if size == 0 {
		size = usualPage
	}
	start = min(int(p.PageIndex)*size, n)
	return start, min(start+size, n), nil
}
