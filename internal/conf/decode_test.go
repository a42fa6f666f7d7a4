package conf_test

import (
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/internal/conf"
)

func TestDecodeNeverChangesWhatTheDefaultsReferTo(t *testing.T) {
	type entry struct{ A, B int }
	type config struct {
		Map   map[string]entry
		Maps  map[string]map[string]int
		Ptr   *entry
		List  []int
		Any   any
		Big   *big.Int
		Inner struct{ Map map[string]int }
	}
	makeDefault := func() config {
		c := config{
			Map:  map[string]entry{"x": {1, 2}, "gone": {}},
			Maps: map[string]map[string]int{"x": {"a": 1}},
			Ptr:  &entry{1, 2},
			List: []int{1, 2, 3},
			Any:  map[string]any{"a": int64(1)},
			Big:  big.NewInt(7),
		}
		c.Inner.Map = map[string]int{"a": 1}
		return c
	}
	tree := load(t, `core:
  map: {x: {b: 3}, y: {a: 4}, gone: null}
  maps: {x: {b: 2}}
  ptr: {b: 3}
  list: [9]
  any: {b: 2}
  big: "8"
  inner: {map: {b: 2}}`)
	def := makeDefault()
	got := decode(t, tree, "core", def)

	want := config{
		Map:  map[string]entry{"x": {1, 3}, "y": {4, 0}},
		Maps: map[string]map[string]int{"x": {"a": 1, "b": 2}},
		Ptr:  &entry{1, 3},
		List: []int{9},
		Any:  map[string]any{"a": int64(1), "b": int64(2)},
		Big:  big.NewInt(8),
	}
	want.Inner.Map = map[string]int{"a": 1, "b": 2}
	equalBig := cmp.Comparer(func(a, b *big.Int) bool { return a.Cmp(b) == 0 })
	if diff := cmp.Diff(want, got, equalBig); diff != "" {
		t.Errorf("decoded (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(makeDefault(), def, equalBig); diff != "" {
		t.Errorf("the default changed (-want +got):\n%s", diff)
	}
}

func TestDecodeWithFindingsLeavesTheTargetAlone(t *testing.T) {
	type config struct{ A, B int }
	s, err := load(t, "core: {a: 5, b: x}").Section("core")
	if err != nil {
		t.Fatal(err)
	}
	got := config{1, 2}
	checkError(t, s.Decode(&got), `a.yml:1:14: core.b: want an integer, got "x"`)
	if want := (config{1, 2}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestDecodeMatchesFields(t *testing.T) {
	type base struct {
		Shared int
		Hidden int
	}
	type config struct {
		base
		*strings.Reader     // a promoted pointer is not looked into
		Hidden          int `yaml:"-"`
		PortalURL       string
		HTTPPort        int
		JWTPrivateKeys  []string
		UUIDv4          string
		X               int
		Renamed         int `yaml:"otherName,alias=first,alias=second"`
		unexported      int
	}
	tree := load(t, `core: {shared: 1, portalUrl: u, httpPort: 2, jwtPrivateKeys: [k], uuiDv4: i, x: 3, second: 4}`)
	got := decode(t, tree, "core", config{unexported: 5})
	want := config{
		base: base{Shared: 1}, PortalURL: "u", HTTPPort: 2, JWTPrivateKeys: []string{"k"},
		UUIDv4: "i", X: 3, Renamed: 4, unexported: 5,
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(config{}, base{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s, _ := load(t, "core: {hidden: 1, unexported: 1}").Section("core")
	checkError(t, s.Decode(&got), "a.yml:1:8: core.hidden: unknown key\na.yml:1:19: core.unexported: unknown key")
}

func TestDecodeRefusesTypesItCannotFill(t *testing.T) {
	for _, tt := range []struct {
		name   string
		target any
		text   string
		want   string
	}{
		{"no pointer", struct{}{}, "{}", "cannot decode into struct {}, want a pointer"},
		{"nil", nil, "{}", "cannot decode into <nil>, want a pointer"},
		{"nil pointer", (*struct{})(nil), "{}", "cannot decode into *struct {}, want a pointer"},
		{"duration", new(struct{ D time.Duration }), "{d: 5}", "type time.Duration is not supported; use an integer with its unit in the name"},
		{"channel", new(struct{ C chan int }), "{c: 5}", "type chan int is not supported"},
		{"interface", new(struct{ E error }), "{e: 5}", "type error is not supported"},
		{"map key", new(struct{ M map[float64]int }), "{m: {1: 2}}", "a map with keys of type float64 is not supported"},
		{"same name twice", new(struct {
			A int `yaml:"x"`
			B int `yaml:"y,alias=x"`
		}), "{x: 5}", "fields A and B are both named x"},
		{"unknown option", new(struct {
			A int `yaml:"x,omitempty"`
		}), "{x: 5}", `field A: unknown tag option "omitempty"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := load(t, "core: "+tt.text).Section("core")
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Decode(tt.target); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want …%s", err, tt.want)
			}
		})
	}
}

func TestDecodeChecksIntegerRanges(t *testing.T) {
	for _, tt := range []struct {
		name   string
		target any
		value  string
		want   string // "" for a value that fits
	}{
		{"least int8", new(int8), "-128", ""},
		{"below int8", new(int8), "-129", "want an integer between -128 and 127, got -129"},
		{"most uint8", new(uint8), "255", ""},
		{"above uint8", new(uint8), "256", "want an integer between 0 and 255, got 256"},
		{"negative uint", new(uint16), "-1", "want an integer between 0 and 65535, got -1"},
		{"most int64", new(int64), "9223372036854775807", ""},
		{"above int64", new(int64), "9223372036854775808", "want an integer between -9223372036854775808 and 9223372036854775807, got 9223372036854775808"},
		{"most uint64", new(uint64), "18446744073709551615", ""},
		{"any above int64", new(any), "9223372036854775808", "want an integer between -9223372036854775808 and 9223372036854775807, got 9223372036854775808"},
		{"exponent", new(int), "1e3", "want an integer, got 1e3"},
		{"float32 overflow", new(float32), "1e39", "want a number, got 1e39"},
		{"no number", new(float64), ".nan", "want a number, got .nan"},
		{"quoted float", new(float64), "'1'", `want a number, got "1"`},
		{"long text", new(int), strings.Repeat("ä", 50), `want an integer, got a long text`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := load(t, "core: "+tt.value).Section("core")
			if err != nil {
				t.Fatal(err)
			}
			err = s.Decode(tt.target)
			if tt.want != "" {
				checkError(t, err, "a.yml:1:1: core: "+tt.want)
			} else if err != nil {
				t.Errorf("got %v, want none", err)
			}
		})
	}
}

func TestDecodeCreatesElementsWithTheirDefaults(t *testing.T) {
	type config struct {
		Map  map[string]policy
		Ptrs map[string]*policy
		List []policy
		Ptr  *policy
		Nil  *policy
	}
	got := decode(t, load(t, "core: {map: {a: {}}, ptrs: {a: {}}, list: [{maxCapacity: 1}], ptr: {}}"), "core", config{})
	p := policy{HeartbeatMillis: 1000}
	want := config{
		Map:  map[string]policy{"a": p},
		Ptrs: map[string]*policy{"a": {HeartbeatMillis: 1000}},
		List: []policy{{HeartbeatMillis: 1000, MaxCapacity: 1}},
		Ptr:  &policy{HeartbeatMillis: 1000},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDecodeReadsMapKeysAsTheirType(t *testing.T) {
	type config struct {
		Modes map[mode]int
		Ints  map[int8]string
		Uints map[uint8]string
		Texts map[string]int
	}
	tree := load(t, "core: {modes: {REQUIRED: 1}, ints: {-3: a, '4': b}, uints: {0x10: a}, texts: {1.10: 1, true: 2}}")
	want := config{
		Modes: map[mode]int{"REQUIRED": 1},
		Ints:  map[int8]string{-3: "a", 4: "b"},
		Uints: map[uint8]string{16: "a"},
		Texts: map[string]int{"1.10": 1, "true": 2},
	}
	if diff := cmp.Diff(want, decode(t, tree, "core", config{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	s, _ := load(t, "core: {modes: {MAYBE: 1}, ints: {300: x}, uints: {-1: x}}").Section("core")
	checkError(t, s.Decode(&config{}), `a.yml:1:16: core.modes.MAYBE: want OPTIONAL, REQUIRED or DISABLED, got "MAYBE"
a.yml:1:34: core.ints.300: want an integer between -128 and 127, got 300
a.yml:1:51: core.uints.-1: want an integer between 0 and 255, got -1`)
}

func TestDecodeLeavesASectionFieldToItsOwner(t *testing.T) {
	type config struct {
		Given  conf.Section
		Absent conf.Section
		Ptr    *conf.Section
	}
	c := decode(t, load(t, "core: {given: {size: 2}, ptr: 3}"), "core", config{})
	var given struct{ Size int }
	if err := c.Given.Decode(&given); err != nil || given.Size != 2 {
		t.Errorf("Given decodes to %v, %v; want 2", given, err)
	}
	if c.Absent.Exists() || !c.Given.Exists() {
		t.Errorf("Exists() = %t for the absent section, %t for the given", c.Absent.Exists(), c.Given.Exists())
	}
	if got, want := c.Absent.Path(), "core.absent"; got != want {
		t.Errorf("Path() = %s, want %s", got, want)
	}
	var n int
	if err := c.Ptr.Decode(&n); err != nil || n != 3 {
		t.Errorf("Ptr decodes to %d, %v; want 3", n, err)
	}
	checkError(t, c.Given.Decode(&n), "a.yml:1:8: core.given: want an integer, got a map")
}

func TestDecodeOfAnAbsentSectionKeepsTheDefaults(t *testing.T) {
	tree := load(t, "{}")
	s, err := tree.Section("game.serviceConfigs.PartyConfig")
	if err != nil {
		t.Fatal(err)
	}
	got := partyConfig{MaxPlayersPerParty: 4}
	if err := s.Decode(&got); err != nil || got.MaxPlayersPerParty != 4 {
		t.Errorf("got %v, %v; want the default", got, err)
	}
	number := 7
	if err := (conf.Section{}).Decode(&number); err != nil || number != 7 {
		t.Errorf("got %v, %v; want the default", number, err)
	}
	checkError(t, s.Decode(&partyConfig{}), "game.serviceConfigs.PartyConfig.maxPlayersPerParty: must be at least 1")
}

type bounds struct{ Least, Most int }

func (r bounds) Validate() error {
	if r.Least > r.Most {
		return errors.New("least is above most")
	}
	return nil
}

type limits struct {
	One    bounds
	Ptr    *bounds
	Map    map[string]bounds
	List   []bounds
	Port   port
	Nested struct{ Deep bounds }
}

func (l *limits) Validate() error {
	return errors.Join(
		conf.Fieldf("nested.deep.most", "must be %d", 1),
		errors.Join(conf.Fieldf("nested.absent", "is required"), errors.New("nothing fits")),
	)
}

type port uint16

func (p port) Validate() error {
	if p == 1 {
		return errors.New("is reserved")
	}
	return nil
}

func TestValidatorsRunOnEveryLevelAndPointToTheirKeys(t *testing.T) {
	s, err := load(t, `core:
  one: {least: 2, most: 1}
  ptr: {least: 2}
  map:
    a: {least: 2}
  list:
    - {}
    - least: 2
  port: 1
  nested:
    deep:
      least: 0
      most: 5`).Section("core")
	if err != nil {
		t.Fatal(err)
	}
	checkError(t, s.Decode(&limits{}), `a.yml:1:1: core: nothing fits
a.yml:2:9: core.one.least: least is above most
a.yml:3:9: core.ptr.least: least is above most
a.yml:5:9: core.map.a.least: least is above most
a.yml:8:7: core.list[1].least: least is above most
a.yml:9:3: core.port: is reserved
a.yml:10:3: core.nested.absent: is required
a.yml:13:7: core.nested.deep.most: must be 1`)
}

func TestFieldErrorReadsAsText(t *testing.T) {
	checkError(t, conf.Fieldf("size", "want %d", 3), "size: want 3")
}
