package rules

import "slices"

// zone chooses where a draft runs: where the worst ping is lowest; of equals,
// where the most parties want to; of those the first by name. Without pings, where
// the most want to. It returns the worst ping too.
func (s *solver) zone(members []member) (best string, worst int) {
	bestWishes, found := 0, false
	for _, zone := range s.zonesOf(members) {
		ping, wishes, ok := s.judge(zone, members)
		if !ok {
			continue
		}
		if !found || ping < worst || ping == worst && wishes > bestWishes {
			best, worst, bestWishes, found = zone, ping, wishes, true
		}
	}
	return best, worst
}

// zonesOf returns all zones that any party names, in order.
func (s *solver) zonesOf(members []member) []string {
	var zones []string
	near := s.nearAll(members)
	for _, m := range members {
		for i, p := range s.ticket(m.place).Pings {
			if i, ok := s.zoneNumber(i, p.Zone); !s.strict || s.PingMillis.Max == 0 || ok && near>>i&1 == 1 {
				zones = append(zones, p.Zone)
			}
		}
		if len(zones) > 0 {
			return zones // the game runs where all have a ping; they are in order
		}
	}
	for _, m := range members {
		zones = append(zones, s.ticket(m.place).Prefers...)
	}
	slices.Sort(zones)
	return slices.Compact(zones)
}

// nearAll returns the zones that are near enough to all, by number.
func (s *solver) nearAll(members []member) uint64 {
	near := ^uint64(0)
	for _, m := range members {
		near &= s.all[m.place].zones
	}
	return near
}

// judge returns the worst ping to a zone and how many parties prefer it; false if
// it is too far for somebody, or he has no ping for it.
func (s *solver) judge(zone string, members []member) (ping, wishes int, ok bool) {
	for _, m := range members {
		t := s.ticket(m.place)
		ms, ok := t.ping(zone)
		if !ok || s.strict && len(t.Pings) > 0 && float64(ms) > s.PingMillis.at(s.all[m.place].waited) {
			return 0, 0, false
		}
		ping = max(ping, ms)
		if slices.Contains(t.Prefers, zone) {
			wishes++
		}
	}
	return ping, wishes, true
}
