// Package providertest has the suite that every game server provider passes.
//
// [Run] is the definition of a gameinstance.ProviderPlugin: the test of a provider
// says in a [Fixture] how to look behind it, and calls it.
//
//	func TestFleetIsAProvider(t *testing.T) {
//		providertest.Run(t, func(t *testing.T) providertest.Fixture {
//			fleet := newFakeFleet(t)
//			return providertest.Fixture{
//				Provider: &fleetplugin.Plugin{URL: fleet.URL},
//				Servers:  fleet.CountOf,
//				Fault:    fleet.Break,
//			}
//		})
//	}
//
// The suite does what the game instance service does: it repeats starts whose
// outcome is unknown, with the same allocation id and other tokens, and tells ends
// at least once, never during a start. It also does what only a network does, such
// as a start that arrives after the end. What a provider promises, and cannot be
// seen from outside, the suite does not check: that a server gets its tokens and
// links is for a test with a whole server (package pragmatest).
package providertest
