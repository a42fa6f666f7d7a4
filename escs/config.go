package escs

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/openpragma/engine/internal/conf"
	"github.com/openpragma/engine/pragma"
)

// Config is what the sections game.serviceConfigs.EscsConfig and
// ExternalMatchmakingServiceConfig say together (escs §5). Every key is accepted
// in both; one that stands in both must say the same. All of it changes live but
// SetStartTypeAliases.
type Config struct {
	// URL is where results are sent. Required.
	URL string
	// Secret and GameID say to the platform who we are. Both are required. A change
	// counts from the next request on.
	Secret pragma.Secret
	GameID string

	// CleanInterval is how often sets are looked at whose time is over.
	CleanInterval time.Duration
	// RetainAfterEnd is how long a set is kept after its end, for operators.
	RetainAfterEnd time.Duration
	// ClockSkew is how late a set start may come after the end of its set.
	ClockSkew time.Duration
	// AutoEnterMatchmaking has the server take a complete party into matchmaking
	// as soon as everybody in it is ready.
	AutoEnterMatchmaking bool

	// SetStartAuthToken is the bearer token of plain HTTP set starts; empty: none.
	SetStartAuthToken pragma.Secret
	// SetStartTypeAliases are further types of set starts on the partner gateway,
	// such as EscsRpc.SetStartedV1Request.
	SetStartTypeAliases []string
	// MaxSetStartBytes is how large a set start may be, MaxPlayersPerSet how many
	// players it may name.
	MaxSetStartBytes, MaxPlayersPerSet int
	// AllowedCallerCIDRs are the networks from which set starts are taken; nil: all.
	AllowedCallerCIDRs []netip.Prefix

	// ResultRequestTimeout is how long one attempt to send results may take,
	// ResultRetryMin and ResultRetryMax the bounds of the wait between two.
	ResultRequestTimeout, ResultRetryMin, ResultRetryMax time.Duration
	// ResultGraceAfterEnd is how long after the end of a set results are sent.
	ResultGraceAfterEnd time.Duration
	// ResultMaxAttempts is how often results are sent; 0: as long as there is time.
	ResultMaxAttempts int
	// AbsentPlayers says what becomes of players without a result.
	AbsentPlayers AbsentPlayers
	// InlineFirstAttempt has the job that ends a game make the first attempt.
	InlineFirstAttempt bool
	// AlreadyHasResultCodes are the error codes by which the platform says that it
	// has the results already.
	AlreadyHasResultCodes []string
}

// AbsentPlayers says what becomes of players of whom a game says nothing (escs F25).
type AbsentPlayers string

// What may become of them.
const (
	OmitAbsent     AbsentPlayers = "omit"    // they are left out
	PenalizeAbsent AbsentPlayers = "penalty" // the transformer is asked, with an empty ext
)

// DefaultConfig returns the documented defaults. URL, Secret and GameID have none.
func DefaultConfig() Config {
	return Config{
		CleanInterval: 10 * time.Minute, RetainAfterEnd: 24 * time.Hour, ClockSkew: 30 * time.Second,
		MaxSetStartBytes: 256 << 10, MaxPlayersPerSet: 128,
		ResultRequestTimeout: 5 * time.Second, ResultRetryMin: time.Second, ResultRetryMax: time.Minute,
		ResultGraceAfterEnd: time.Minute, AbsentPlayers: OmitAbsent, InlineFirstAttempt: true,
	}
}

// section is one of the two sections, in which every key may be absent.
type section struct {
	URL                   *string        `yaml:"url"`
	Secret                *pragma.Secret `yaml:"secret"`
	GameID                *string        `yaml:"gameId"`
	CleanInterval         *int           `yaml:"cleanInterval"` // minutes
	RetainAfterEnd        *duration      `yaml:"retainAfterEnd"`
	ClockSkew             *duration      `yaml:"clockSkew"`
	AutoEnterMatchmaking  *bool          `yaml:"autoEnterMatchmaking"`
	SetStartAuthToken     *pragma.Secret `yaml:"setStartAuthToken"`
	SetStartTypeAliases   *[]string      `yaml:"setStartTypeAliases"`
	MaxSetStartBytes      *int           `yaml:"maxSetStartBytes"`
	MaxPlayersPerSet      *int           `yaml:"maxPlayersPerSet"`
	AllowedCallerCIDRs    *[]network     `yaml:"allowedCallerCIDRs"`
	ResultRequestTimeout  *duration      `yaml:"resultRequestTimeout"`
	ResultRetryMin        *duration      `yaml:"resultRetryMin"`
	ResultRetryMax        *duration      `yaml:"resultRetryMax"`
	ResultGraceAfterEnd   *duration      `yaml:"resultGraceAfterEnd"`
	ResultMaxAttempts     *int           `yaml:"resultMaxAttempts"`
	AbsentPlayers         *AbsentPlayers `yaml:"absentPlayers"`
	InlineFirstAttempt    *bool          `yaml:"inlineFirstAttempt"`
	AlreadyHasResultCodes *[]string      `yaml:"alreadyHasResultCodes"`
}

const (
	escsSection        = "EscsConfig"
	matchmakingSection = "ExternalMatchmakingServiceConfig"

	maxInterval = 7 * 24 * 60 // a week, in minutes
	maxAttempts = 1_000_000
	// maxPlayers is how many players a set may be allowed to have: a party is one
	// record, and so is a set.
	maxPlayers = 1024
	// maxStartBytes leaves room in the record of a set for everything else.
	maxStartBytes = 384 << 10
)

// Validate implements the validation of [pragma.ServiceConfig].
func (c *section) Validate() error {
	var errs []error
	bad := func(key, format string, args ...any) { errs = append(errs, conf.Fieldf(key, format, args...)) }
	number := func(key string, n *int, least, most int) {
		if n != nil && (*n < least || *n > most) {
			bad(key, "want %d to %d, got %d", least, most, *n)
		}
	}
	span := func(key string, d *duration, least time.Duration) {
		if d != nil && (time.Duration(*d) < least || time.Duration(*d) > maxSpan) {
			bad(key, "want %v to %v, got %v", least, maxSpan, time.Duration(*d))
		}
	}
	if c.URL != nil && *c.URL != "" {
		if u, err := url.Parse(*c.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			bad("url", "want an address such as https://example.com/results")
		}
	}
	number("cleanInterval", c.CleanInterval, 1, maxInterval)
	number("maxSetStartBytes", c.MaxSetStartBytes, 1<<10, maxStartBytes)
	number("maxPlayersPerSet", c.MaxPlayersPerSet, 1, maxPlayers)
	number("resultMaxAttempts", c.ResultMaxAttempts, 0, maxAttempts)
	span("retainAfterEnd", c.RetainAfterEnd, 0)
	span("clockSkew", c.ClockSkew, 0)
	span("resultRequestTimeout", c.ResultRequestTimeout, time.Millisecond)
	span("resultRetryMin", c.ResultRetryMin, time.Millisecond)
	span("resultRetryMax", c.ResultRetryMax, time.Millisecond)
	span("resultGraceAfterEnd", c.ResultGraceAfterEnd, 0)
	if c.SetStartTypeAliases != nil {
		for i, alias := range *c.SetStartTypeAliases {
			if _, ok := strings.CutSuffix(alias, "Request"); !ok || !strings.Contains(alias, ".") {
				bad(fmt.Sprintf("setStartTypeAliases[%d]", i), "want a type such as EscsRpc.SetStartedV1Request")
			}
		}
	}
	return errors.Join(errs...)
}

// over puts what the section says over another configuration.
func (c *section) over(to *Config) {
	put(&to.URL, c.URL)
	put(&to.Secret, c.Secret)
	put(&to.GameID, c.GameID)
	if c.CleanInterval != nil {
		to.CleanInterval = time.Duration(*c.CleanInterval) * time.Minute
	}
	put((*duration)(&to.RetainAfterEnd), c.RetainAfterEnd)
	put((*duration)(&to.ClockSkew), c.ClockSkew)
	put(&to.AutoEnterMatchmaking, c.AutoEnterMatchmaking)
	put(&to.SetStartAuthToken, c.SetStartAuthToken)
	put(&to.SetStartTypeAliases, c.SetStartTypeAliases)
	put(&to.MaxSetStartBytes, c.MaxSetStartBytes)
	put(&to.MaxPlayersPerSet, c.MaxPlayersPerSet)
	if c.AllowedCallerCIDRs != nil {
		to.AllowedCallerCIDRs = nil
		for _, n := range *c.AllowedCallerCIDRs {
			to.AllowedCallerCIDRs = append(to.AllowedCallerCIDRs, n.prefix)
		}
	}
	put((*duration)(&to.ResultRequestTimeout), c.ResultRequestTimeout)
	put((*duration)(&to.ResultRetryMin), c.ResultRetryMin)
	put((*duration)(&to.ResultRetryMax), c.ResultRetryMax)
	put((*duration)(&to.ResultGraceAfterEnd), c.ResultGraceAfterEnd)
	put(&to.ResultMaxAttempts, c.ResultMaxAttempts)
	put(&to.AbsentPlayers, c.AbsentPlayers)
	put(&to.InlineFirstAttempt, c.InlineFirstAttempt)
	put(&to.AlreadyHasResultCodes, c.AlreadyHasResultCodes)
}

func put[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// merge makes one configuration of the two sections. The error names every key
// that is missing or said twice in two ways.
func merge(escs, matchmaking section) (Config, error) {
	c := DefaultConfig()
	matchmaking.over(&c)
	escs.over(&c)
	reversed := DefaultConfig()
	escs.over(&reversed)
	matchmaking.over(&reversed)
	var errs []error
	for _, key := range differences(&c, &reversed) {
		errs = append(errs, fmt.Errorf("game.serviceConfigs.%s.%s: says something else than %s.%s", escsSection, key, matchmakingSection, key))
	}
	for _, r := range []struct{ key, value, what string }{
		{"url", c.URL, "where results are sent"},
		{"secret", c.Secret.Reveal(), "the secret that the platform has made for the game"},
		{"gameId", c.GameID, "the id that the platform has given to the game"},
	} {
		if r.value == "" {
			errs = append(errs, fmt.Errorf("game.serviceConfigs.%s.%s: is required: %s", escsSection, r.key, r.what))
		}
	}
	if c.ResultRetryMin > c.ResultRetryMax {
		errs = append(errs, fmt.Errorf("game.serviceConfigs.%s.resultRetryMin: is greater than resultRetryMax", escsSection))
	}
	return c, errors.Join(errs...)
}

// configuration is both sections, while the server runs.
type configuration struct {
	now     atomic.Pointer[Config]
	changed []func() // called after a change; written while mounting only
}

// onChange has fn called after every change. Call it while mounting.
func (c *configuration) onChange(fn func()) { c.changed = append(c.changed, fn) }

// Load returns the present configuration. Read it once per call.
func (c *configuration) Load() *Config { return c.now.Load() }

// mountConfig claims both sections. A reload after which they do not fit each
// other is logged and changes nothing.
func mountConfig(m *pragma.Mount) (*configuration, error) {
	escs, err := pragma.ServiceConfig(m, escsSection, section{})
	matchmaking, err2 := pragma.ServiceConfig(m, matchmakingSection, section{})
	c := new(configuration)
	def := DefaultConfig()
	c.now.Store(&def)
	if err := errors.Join(err, err2); err != nil {
		return c, err
	}
	merged, err := merge(escs.Load(), matchmaking.Load())
	c.now.Store(&merged)
	change := func(_, _ section) {
		next, err := merge(escs.Load(), matchmaking.Load())
		if err != nil {
			m.Log().Error("the two sections of the configuration do not fit each other; the last good ones stay", "err", err)
			return
		}
		if before := c.now.Load(); !slices.Equal(before.SetStartTypeAliases, next.SetStartTypeAliases) {
			m.Log().Warn("configuration needs a restart", "key", escsSection+".setStartTypeAliases")
		}
		c.now.Store(&next)
		for _, fn := range c.changed {
			fn()
		}
	}
	escs.OnChange(change)
	matchmaking.OnChange(change)
	return c, err
}
