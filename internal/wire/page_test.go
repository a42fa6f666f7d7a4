package wire_test

import (
	"math"
	"testing"

	"github.com/openpragma/engine/internal/wire"
)

func TestPageIsCutOutOfAList(t *testing.T) {
	for name, c := range map[string]struct {
		page       wire.Page
		n          int
		start, end int
	}{
		"the usual size":       {wire.Page{}, 120, 0, 50},
		"the last page":        {wire.Page{PageIndex: 2}, 120, 100, 120},
		"behind the last":      {wire.Page{PageIndex: 3}, 120, 120, 120},
		"the largest size":     {wire.Page{PageSize: 500}, 2000, 0, 500},
		"an own size":          {wire.Page{PageIndex: 1, PageSize: 7}, 10, 7, 10},
		"an empty list":        {wire.Page{}, 0, 0, 0},
		"far behind the last":  {wire.Page{PageIndex: math.MaxInt32, PageSize: 500}, 10, 10, 10},
		"exactly the last one": {wire.Page{PageIndex: 9, PageSize: 1}, 10, 9, 10},
	} {
		t.Run(name, func(t *testing.T) {
			start, end, err := c.page.Of(c.n)
			if start != c.start || end != c.end || err != nil {
				t.Errorf("%+v of %d: got %d to %d and %v, want %d to %d", c.page, c.n, start, end, err, c.start, c.end)
			}
		})
	}
}

func TestPageOutOfRangeIsRefused(t *testing.T) {
	for _, p := range []wire.Page{{PageIndex: -1}, {PageSize: -1}, {PageSize: 501}, {PageSize: math.MaxInt32}} {
		if _, _, err := p.Of(10); err == nil {
			t.Errorf("%+v: got no error", p)
		}
	}
}
