// Package escstest plays the tournament platform ESCS, for tests and for trying
// things out.
//
// [Start] starts an HTTP server that takes results as the platform is believed to
// (escs E8): it looks at the credentials, keeps one result for each idempotency
// key, and writes down all that came. A script says what goes wrong:
//
//	platform, err := escstest.Start(escstest.Options{GameID: "game", Secret: "hush"})
//	…
//	defer platform.Close()
//	platform.Script(escstest.Status(503), escstest.LoseAnswer(), escstest.Late(3*time.Second))
//
// The server under test gets platform.URL as the url of EscsConfig and, if the
// platform is in memory, platform.Transport() as its transport. What was sent
// stands in the ledger: [ESCS.Requests] has every request, [ESCS.Results] what the
// platform would have kept, and [ESCS.Violations] what a sender must never do, such
// as sending a result again after it was told that it was taken.
//
// The other half of the platform is a [Sender], which starts sets through both
// doors of the game backend.
//
// # Virtual time
//
// With Options.Memory the platform listens on pipes instead of TCP, so that it can
// live in a testing/synctest bubble: start it inside, and close it before the end.
//
// No test is needed: nothing here wants a testing.T, so a program can show an
// evening of tournaments with it too.
package escstest
