// Package admission lets newcomers in at a limited rate, first come first
// served, and tells those who wait where they stand.
//
// It is the log-in queue without network and tokens: a [Line] is told the time
// and how many are inside, and answers with a [Place]. A place is a number that
// grows with time. Who holds the number of a place can have it put back into
// the line, in its order, after the line was lost: so the caller hands numbers
// out in signed tickets and keeps nothing itself.
//
// # Rules
//
//   - Nobody is let in before somebody with a lower number who is present. Asking
//     more often changes nothing.
//   - Over any time t at most (t + 1 s) × [Limits.PerSecond] are let in.
//   - Nobody is let in while those inside, and those let in within the last
//     [Limits.Arrival], are [Limits.Inside] or more.
//   - Who has not asked for [Patience] longer than he was told to wait is passed
//     over, and first in line again when he asks. After [Absence] he is forgotten;
//     asking again puts him back by his number.
//   - Who comes while nobody waits and there is room is let in at once, and
//     nothing is kept of him.
//
// A waiting place takes about a hundred bytes. A line keeps at most [MaxPlaces]
// of them; further ones are told their place but not kept, and get in line when
// they ask again and there is room.
package admission
