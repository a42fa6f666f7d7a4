package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"

	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/internal/conf"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/matchmaking/simulate"
	"github.com/openpragma/engine/plugins/rules"
	"github.com/openpragma/engine/pragma/ext"
)

func matchmakingCommands() []command {
	return []command{
		{name: "dump", args: "", short: "write who waits in a queue of a running server to a file", run: matchmakingDump},
		{name: "explain", args: "ticket", short: "say why a party waits", run: matchmakingExplain},
		{name: "simulate", args: "rules.yml…", short: "try rules on a dump or on players that are made up", run: matchmakingSimulate},
	}
}

// Where the configuration of a server has what matchmaking goes by.
const (
	rulesPath       = "game.pluginConfigs.MatchmakingService.poolPlugin"
	matchmakingPath = "game.serviceConfigs.MatchmakingConfig"
	populationPath  = "game.serviceConfigs.SimulatedPopulation"
)

// ruleSet is the rules of one configuration.
type ruleSet struct {
	name    string
	rules   rules.Config
	service matchmaking.Config
}

// slot is an entry in pluginConfigs.
type slot struct {
	Class  string       `yaml:"class"`
	Config rules.Config `yaml:"config"`
}

// loadRules reads the rules of plugins/rules from a configuration of a server,
// and how often passes are made. Other sections are not looked at.
func loadRules(loader *conf.Loader, name string) (ruleSet, error) {
	tree, err := loader.Load()
	if err != nil {
		return ruleSet{}, err
	}
	in, err := tree.Section(rulesPath)
	if err != nil {
		return ruleSet{}, err
	}
	if !in.Exists() {
		return ruleSet{}, fmt.Errorf("%s: no %s; rules are given as in the configuration of a server", name, rulesPath)
	}
	s := slot{Config: rules.DefaultConfig()}
	err = in.Decode(&s)
	set := ruleSet{name: name, rules: s.Config, service: matchmaking.DefaultConfig()}
	if in, more := tree.Section(matchmakingPath); more == nil {
		err = errors.Join(err, in.Decode(&set.service))
	}
	return set, conf.Join(err)
}

// rulesOfDump are the rules that a dump was taken under.
func rulesOfDump(d *simulate.Dump) (ruleSet, error) {
	if d.Rules.IsEmpty() {
		return ruleSet{}, errors.New("the dump does not say what rules it was taken under; name a file with rules")
	}
	text, err := json.Marshal(map[string]any{"game": map[string]any{"pluginConfigs": map[string]any{
		"MatchmakingService.poolPlugin": map[string]any{"config": map[string]any{"default": d.Rules}},
	}}})
	if err != nil {
		return ruleSet{}, err
	}
	return loadRules(conf.Memory(conf.Source{Name: "the dump", Text: string(text)}), "as dumped")
}

// loadRuleSets reads files with rules; without files, the rules of the dump, or
// else the default ones.
func loadRuleSets(files []string, d *simulate.Dump) ([]ruleSet, error) {
	if len(files) == 0 && d != nil {
		set, err := rulesOfDump(d)
		return []ruleSet{set}, err
	}
	if len(files) == 0 {
		return []ruleSet{{"default rules", rules.DefaultConfig(), matchmaking.DefaultConfig()}}, nil
	}
	var sets []ruleSet
	var errs []error
	for _, file := range files {
		set, err := loadRules(&conf.Loader{Files: []string{file}}, file)
		sets, errs = append(sets, set), append(errs, err)
	}
	return sets, errors.Join(errs...)
}

// loadPopulation reads who plays; without a file, the default population.
func loadPopulation(file string) (simulate.Population, error) {
	p := simulate.DefaultPopulation()
	if file == "" {
		return p, nil
	}
	tree, err := (&conf.Loader{Files: []string{file}}).Load()
	if err != nil {
		return p, err
	}
	in, err := tree.Section(populationPath)
	if err == nil && !in.Exists() {
		err = fmt.Errorf("%s: no section %s", file, populationPath)
	}
	if err == nil {
		err = in.Decode(&p)
	}
	return p, err
}

func loadDump(file string) (*simulate.Dump, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d, err := simulate.ReadDump(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return d, nil
}

// key is the queue of players that are made up, whose rules have a name.
func (s *ruleSet) key(queue string) matchmaking.QueueKey {
	if queue == "" || s.rules.QueueMember == "" {
		return matchmaking.QueueKey{}
	}
	return matchmaking.QueueKey{Ext: ext.Of(map[string]any{s.rules.QueueMember: queue})}
}

// ratings read how well players play, as the rules do; nil if they do not care.
func (s *ruleSet) ratings(key matchmaking.QueueKey) func(p *matchmaking.Party) []float64 {
	_, r := s.rules.Of(key)
	if r.Rating.Member == "" {
		return nil
	}
	return func(p *matchmaking.Party) []float64 {
		t, err := r.NewTicket(p)
		if err != nil {
			return nil
		}
		all := make([]float64, len(t.Players))
		for i, player := range t.Players {
			all[i] = player.Rating
		}
		return all
	}
}

// plugin is a new plugin with the rules.
func (s *ruleSet) plugin() *rules.Plugin { return &rules.Plugin{Config: s.rules} }

// title is the heading of a column.
func title(name string, n int) string { return cmp.Or(name, fmt.Sprint("rules ", n+1)) }
