package conf_test

import (
	"fmt"

	"github.com/openpragma/engine/internal/conf"
)

func Example() {
	type partyConfig struct {
		MaxPlayersPerParty       int
		RepeatInviteDelaySeconds int
	}
	loader := conf.Memory(
		conf.Source{Name: "common.yml", Text: "game: {serviceConfigs: {PartyConfig: {maxPlayersPerParty: 8}}}"},
		conf.Source{Name: "local.yml", Text: "game: {serviceConfigs: {PartyConfig: {maxPlayersPerParty: 2}}}"},
	)
	tree, err := loader.Load()
	if err != nil {
		fmt.Println(err)
		return
	}
	set := conf.NewSet(tree)
	party, _ := conf.Bind(set, conf.Binding[partyConfig]{
		Path:    "game.serviceConfigs.PartyConfig",
		Default: partyConfig{MaxPlayersPerParty: 4, RepeatInviteDelaySeconds: 10},
	})
	fmt.Println(set.Check(), party.Load())
	// Output: <nil> {2 10}
}

func ExampleFindings() {
	tree, err := conf.Memory(conf.Source{Name: "local.yml", Text: "gaem: {}\ncore: {a: 1, a: 2}"}).Load()
	if err != nil {
		fmt.Println(err) // not YAML, for one
		return
	}
	fmt.Println(conf.NewSet(tree).Check())
	// Output:
	// local.yml:1:1: gaem: unknown key (did you mean game?); known are core, game, social
	// local.yml:2:1: core: unknown section
	// local.yml:2:14: core.a: given twice, first in line 2
}
