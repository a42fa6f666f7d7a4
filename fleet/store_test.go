package fleet_test

import "testing"

// commits returns how often the records of servers were written.
func commits(t *testing.T, w *world) int {
	t.Helper()
	_, n := w.fleet.Count(t.Context(), "fleet-server")
	return n
}
