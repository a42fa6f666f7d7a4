package agones

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/openpragma/engine/internal/conf"
	"github.com/openpragma/engine/internal/outbound"
)

// Config is the configuration of a [Plugin], under
// game.pluginConfigs.GameInstanceService.gameServerProviderPlugin.config.
// Everything in it may change while the server runs.
type Config struct {
	// URL is the address of the allocator service, such as
	// https://allocator.example.com:443. The path /gameserverallocation is added.
	// It must be https.
	URL string `yaml:"url"`
	// Namespace is the Kubernetes namespace of the game servers.
	Namespace string `yaml:"namespace"`

	// CertFile and KeyFile are the client certificate that the allocator knows, and
	// its key, as PEM. Changed files are taken over within seconds; broken ones are
	// reported and the last good ones stay.
	CertFile string `yaml:"certFile"`
	KeyFile  string `yaml:"keyFile"`
	// CAFile has the authorities that sign the allocator's certificate, as PEM.
	// Empty means those of the system.
	CAFile string `yaml:"caFile"`
	// ServerName is the name that the allocator's certificate must have. Empty means
	// the host of URL.
	ServerName string `yaml:"serverName"`

	// Selectors say which servers may be taken: the first one that some Ready server
	// fits decides. At least one is needed; {} takes any.
	Selectors []Selector `yaml:"selectors"`
	// Priorities say which of them are taken first.
	Priorities []Priority `yaml:"priorities"`
	// Scheduling says how servers are spread over nodes.
	Scheduling Scheduling `yaml:"scheduling"`
	// MultiCluster lets the allocator take servers of other clusters.
	MultiCluster MultiCluster `yaml:"multiCluster"`

	// Labels and Annotations are put on the server that is allocated. Their values
	// may have the placeholders of [Selector].
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
	// AllocationLabel is the label with the allocation id, by which a server is found
	// again whose allocation was not answered. Do not change it while allocations
	// are under way.
	AllocationLabel string `yaml:"allocationLabel"`
	// Tell names the annotations from which the server learns what to do.
	Tell Tell `yaml:"tell"`

	// TimeoutMillis is the time for one answer of the allocator. An allocation is
	// tried for at most ten seconds at a time, of which it gets three quarters.
	TimeoutMillis int `yaml:"timeoutMillis"`
	// RetryMillis is how long to wait, about, before asking again when no server is
	// ready.
	RetryMillis int `yaml:"retryMillis"`
	// PatienceMillis is for how long after the request that is done; then the
	// allocation fails. Keep it below gameServerAllocationTimeoutMillis: the time
	// that a server takes to start its game counts there too.
	PatienceMillis int `yaml:"patienceMillis"`
	// UnallocatedStatusCode is the HTTP status by which this allocator says that no
	// server is ready, as its option http-unallocated-status-code has it. 429 always
	// means that too.
	UnallocatedStatusCode int `yaml:"unallocatedStatusCode"`
}

// Selector describes servers. Every part that is given must fit.
type Selector struct {
	// MatchLabels are labels the server must have. In a value, {version} and {zone}
	// stand for what the game instance needs, {gameInstanceId} and {allocationId} for
	// the ids. If the instance takes any version or zone, labels that name it are
	// not asked for.
	MatchLabels map[string]string `yaml:"matchLabels" json:"matchLabels,omitempty"`
	// Players is for fleets that track players.
	Players *Players `yaml:"players" json:"players,omitempty"`
	// Counters and Lists are for fleets that have them, by name.
	Counters map[string]Counter `yaml:"counters" json:"counters,omitempty"`
	Lists    map[string]List    `yaml:"lists" json:"lists,omitempty"`
}

// Players bounds for how many more players a server has room.
type Players struct {
	MinAvailable int64 `yaml:"minAvailable" json:"minAvailable"`
	MaxAvailable int64 `yaml:"maxAvailable" json:"maxAvailable"`
}

// Counter bounds a counter and what is left of it. A maximum of 0 is none.
type Counter struct {
	MinCount     int64 `yaml:"minCount" json:"minCount"`
	MaxCount     int64 `yaml:"maxCount" json:"maxCount"`
	MinAvailable int64 `yaml:"minAvailable" json:"minAvailable"`
	MaxAvailable int64 `yaml:"maxAvailable" json:"maxAvailable"`
}

// List says what a list must contain, and bounds its room. A maximum of 0 is none.
type List struct {
	ContainsValue string `yaml:"containsValue" json:"containsValue,omitempty"`
	MinAvailable  int64  `yaml:"minAvailable" json:"minAvailable"`
	MaxAvailable  int64  `yaml:"maxAvailable" json:"maxAvailable"`
}

// Priority orders servers by the capacity of a counter or list.
type Priority struct {
	// Type is Counter or List.
	Type string `yaml:"type" json:"type"`
	// Key is the name of the counter or list.
	Key string `yaml:"key" json:"key"`
	// Order is Ascending or Descending.
	Order string `yaml:"order" json:"order"`
}

// Scheduling says how allocated servers are spread over nodes.
type Scheduling string

// The strategies of the allocator.
const (
	Packed      Scheduling = "Packed"      // on as few nodes as possible
	Distributed Scheduling = "Distributed" // over all nodes
)

// UnmarshalText accepts the names of the strategies.
func (s *Scheduling) UnmarshalText(text []byte) error {
	switch name := Scheduling(text); name {
	case Packed, Distributed:
		*s = name
		return nil
	}
	return fmt.Errorf("want %s or %s", Packed, Distributed)
}

// MultiCluster has the allocator follow its GameServerAllocationPolicy objects.
type MultiCluster struct {
	// Enabled asks for it. Every allocation is then two calls, because a server of an
	// allocation without an answer may be in any of the clusters.
	Enabled bool `yaml:"enabled"`
	// PolicyLabels are labels of the policies that apply. Empty means all.
	PolicyLabels map[string]string `yaml:"policyLabels"`
}

// Tell names annotations. None may be empty, and no two the same.
type Tell struct {
	GameInstanceID string `yaml:"gameInstanceId"`
	AllocationID   string `yaml:"allocationId"`
	BackendAddress string `yaml:"backendAddress"`
	GameToken      string `yaml:"gameToken"`
	SocialToken    string `yaml:"socialToken"`
	// EndedAllocationID names the annotation by which a server learns that nobody
	// wants it.
	EndedAllocationID string `yaml:"endedAllocationId"`
}

func (t *Tell) names() []string {
	return []string{t.GameInstanceID, t.AllocationID, t.BackendAddress, t.GameToken, t.SocialToken, t.EndedAllocationID}
}

// DefaultConfig returns the defaults. URL, CertFile, KeyFile and Selectors have none.
func DefaultConfig() Config {
	return Config{
		Namespace:       "default",
		Scheduling:      Packed,
		AllocationLabel: "openpragma/allocation-id",
		Tell: Tell{
			GameInstanceID: "openpragma/game-instance-id",
			AllocationID:   "openpragma/allocation-id",
			BackendAddress: "openpragma/backend-address",
			GameToken:      "openpragma/game-token",
			SocialToken:    "openpragma/social-token",

			EndedAllocationID: "openpragma/ended-allocation-id",
		},
		TimeoutMillis:         7000,
		RetryMillis:           2000,
		PatienceMillis:        60000,
		UnallocatedStatusCode: 429,
	}
}

// Validate reports every value that cannot be meant. It does not read the files.
func (c *Config) Validate() error {
	var errs []error
	bad := func(field, format string, args ...any) { errs = append(errs, conf.Fieldf(field, format, args...)) }
	if err := outbound.CheckURL(c.URL, false); err != nil {
		bad("url", "%v", err)
	}
	if !dnsLabel.MatchString(c.Namespace) {
		bad("namespace", "%q is not the name of a namespace", c.Namespace)
	}
	if c.CertFile == "" {
		bad("certFile", "is missing: the allocator knows its clients by their certificates")
	}
	if c.KeyFile == "" {
		bad("keyFile", "is missing: where is the key of the client certificate?")
	}
	if c.Scheduling != Packed && c.Scheduling != Distributed {
		bad("scheduling", "want %s or %s", Packed, Distributed)
	}
	c.validateSelectors(bad)
	c.validateMetadata(bad)
	c.validateRanges(bad)
	return errors.Join(errs...)
}

type report = func(field, format string, args ...any)

func (c *Config) validateSelectors(bad report) {
	if len(c.Selectors) == 0 {
		bad("selectors", "name at least one; {} takes any server of the namespace")
	}
	for _, s := range c.Selectors {
		checkLabels(bad, "selectors", s.MatchLabels, c.AllocationLabel)
		for name, n := range s.Counters {
			if !bounds(n.MinCount, n.MaxCount) || !bounds(n.MinAvailable, n.MaxAvailable) || name == "" {
				bad("selectors", "counter %q: bounds must not be negative, nor a minimum above its maximum", name)
			}
		}
		for name, n := range s.Lists {
			if !bounds(n.MinAvailable, n.MaxAvailable) || name == "" {
				bad("selectors", "list %q: bounds must not be negative, nor the minimum above the maximum", name)
			}
		}
		if p := s.Players; p != nil && (p.MinAvailable < 0 || p.MaxAvailable < p.MinAvailable) {
			bad("selectors", "players: want 0 ≤ minAvailable ≤ maxAvailable")
		}
	}
	for _, p := range c.Priorities {
		if p.Type != "Counter" && p.Type != "List" || p.Order != "Ascending" && p.Order != "Descending" || p.Key == "" {
			bad("priorities", "want type Counter or List, a key, and order Ascending or Descending")
		}
	}
	checkLabels(bad, "multiCluster.policyLabels", c.MultiCluster.PolicyLabels, "")
}

func bounds(least, most int64) bool { return least >= 0 && most >= 0 && (most == 0 || least <= most) }

func (c *Config) validateMetadata(bad report) {
	if !validKey(c.AllocationLabel) {
		bad("allocationLabel", "%q is not a name for a label", c.AllocationLabel)
	}
	checkLabels(bad, "labels", c.Labels, c.AllocationLabel)
	names := c.Tell.names()
	for i, name := range names {
		if !validKey(name) || slices.Contains(names[:i], name) {
			bad("tell", "%q is not a name for an annotation, or stands twice", name)
		}
	}
	for name, value := range c.Annotations {
		if !validKey(name) || slices.Contains(names, name) {
			bad("annotations", "%q is not a name for an annotation, or one of tell", name)
		}
		if !knownPlaceholders(value) {
			bad("annotations", "%s: the placeholders are %v", name, placeholders())
		}
	}
}

func (c *Config) validateRanges(bad report) {
	for _, r := range []struct {
		key      string
		value    int
		min, max int
	}{
		{"timeoutMillis", c.TimeoutMillis, 100, 60000},
		{"retryMillis", c.RetryMillis, 100, 60000},
		{"patienceMillis", c.PatienceMillis, 0, math.MaxInt32},
		{"unallocatedStatusCode", c.UnallocatedStatusCode, 200, 599},
	} {
		if r.value < r.min || r.value > r.max {
			bad(r.key, "must be from %d to %d", r.min, r.max)
		}
	}
}

func millis(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// maxDNSName is how long a name may be in the DNS.
const maxDNSName = 253

// The forms that Kubernetes has for names and values. They are never changed.
var (
	dnsLabel  = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	dnsName   = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)
	nameForm  = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$`)
	anyBraces = regexp.MustCompile(`\{[^{}]*\}|[{}]`)
)

// validKey reports whether key can name a label or an annotation.
func validKey(key string) bool {
	prefix, name, found := strings.Cut(key, "/")
	if !found {
		return nameForm.MatchString(key)
	}
	return nameForm.MatchString(name) && dnsName.MatchString(prefix) && len(prefix) <= maxDNSName
}

// validValue reports whether value can be that of a label.
func validValue(value string) bool { return value == "" || nameForm.MatchString(value) }

// checkLabels reports labels that Kubernetes would not take. The one that is
// reserved must not be among them.
func checkLabels(bad report, field string, labels map[string]string, reserved string) {
	for key, value := range labels {
		switch {
		case !validKey(key):
			bad(field, "%q is not a name for a label", key)
		case key == reserved:
			bad(field, "%q is the allocationLabel", key)
		case !knownPlaceholders(value):
			bad(field, "%s: the placeholders are %v", key, placeholders())
		case !validValue(anyBraces.ReplaceAllString(value, "x")):
			bad(field, "%s: %q is not a value for a label", key, value)
		}
	}
}

func placeholders() []string {
	return []string{"{version}", "{zone}", "{gameInstanceId}", "{allocationId}"}
}

func knownPlaceholders(value string) bool {
	for _, found := range anyBraces.FindAllString(value, -1) {
		if !slices.Contains(placeholders(), found) {
			return false
		}
	}
	return true
}
