package conf

import (
	"fmt"
	"strings"
)

// hint returns " (did you mean x?)" for the known name nearest to key, or
// nothing if none is near.
func hint(key string, names []string) string {
	best, least := "", 3
	for _, name := range names {
		d := distance(strings.ToLower(key), strings.ToLower(name))
		if d < least && d <= len(name)/3 {
			best, least = name, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", best)
}

// distance counts the bytes to insert, remove, change or swap with a neighbour
// to make a into b. Texts that are long or differ much in length are far apart
// without counting.
func distance(a, b string) int {
	const far = 1 << 10
	if len(a) > 128 || len(b) > 128 || max(len(a)-len(b), len(b)-len(a)) > 2 {
		return far
	}
	var rows [3][129]int // row i-2, i-1 and i, in turn
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		row, above, above2 := &rows[i%3], &rows[(i+2)%3], &rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := above[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, above[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], above2[j-2]+1)
			}
		}
	}
	return rows[len(a)%3][len(b)]
}
