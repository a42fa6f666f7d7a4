package rules

// supply is what the candidates for a game bring, so that most games that cannot
// be are not tried.
type supply struct {
	players int
	sizes   uint64 // of parties, one bit each
	roles   [maxRoles]int32
}

func (s *solver) supplyOf(e *entry) (have supply) {
	have.players = int(e.size)
	for i := range s.limits {
		have.roles[i] = int32(e.roles[i])
	}
	return have
}

func (s *solver) supply(have *supply, e *entry) {
	have.players += int(e.size)
	have.sizes |= 1 << (e.size & 63)
	for i := range s.limits {
		have.roles[i] += int32(e.roles[i])
	}
}

// suffices reports whether there may be enough for a game of somebody and those
// who were supplied: players, roles, and sizes that add up to teams.
func (s *solver) suffices(have *supply, e *entry, least int) bool {
	if have.players < s.NumberOfTeams*least {
		return false
	}
	for i, limit := range s.limits {
		if int(have.roles[i]) < limit.Min*s.NumberOfTeams {
			return false
		}
	}
	if s.PlayersPerTeam > 63 {
		return true
	}
	sums := s.sumsOf(have.sizes)
	teams := uint64(1)<<(s.PlayersPerTeam+1) - 1<<least // sizes of teams, one bit each
	return (s.NumberOfTeams == 1 || sums&teams != 0) && sums<<e.size&teams != 0
}

// sumsOf returns what sizes may add up to, one bit each, with any number of each.
func (s *solver) sumsOf(sizes uint64) uint64 {
	if sums, ok := s.sums[sizes]; ok {
		return sums
	}
	sums := uint64(1)
	for sum := 1; sum <= s.PlayersPerTeam; sum++ {
		for size := 1; size <= sum; size++ {
			if sizes>>size&1 == 1 && sums>>(sum-size)&1 == 1 {
				sums |= 1 << sum
			}
		}
	}
	s.sums[sizes] = sums
	return sums
}
