package escs

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"time"
)

// maxSpan is the longest time a key may have.
const maxSpan = 366 * 24 * time.Hour

// duration is a time as the documentation of the keys writes it, such as 5s.
type duration time.Duration

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *duration) UnmarshalText(text []byte) error {
	read, err := time.ParseDuration(string(text))
	if err != nil {
		return errors.New("want a time with its unit, such as 5s, 10m or 24h")
	}
	*d = duration(read)
	return nil
}

// UnmarshalText accepts the documented words.
func (a *AbsentPlayers) UnmarshalText(text []byte) error {
	switch read := AbsentPlayers(text); read {
	case OmitAbsent, PenalizeAbsent:
		*a = read
		return nil
	}
	return fmt.Errorf("want %s or %s", OmitAbsent, PenalizeAbsent)
}

// network is a network, or one address.
type network struct{ prefix netip.Prefix }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (n *network) UnmarshalText(text []byte) error {
	s := string(text)
	prefix, err := netip.ParsePrefix(s)
	if !strings.Contains(s, "/") {
		var a netip.Addr
		a, err = netip.ParseAddr(s)
		prefix = netip.PrefixFrom(a, a.BitLen())
	}
	if err != nil || prefix.Addr().Is4In6() || strings.Contains(s, "%") {
		return errors.New("want a network such as 10.0.0.0/8 or 2001:db8::/32, or an address")
	}
	n.prefix = prefix.Masked()
	return nil
}

// differences names the keys in which two configurations differ, in the order of
// the fields.
func differences(a, b *Config) []string {
	var keys []string
	x, y := reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()
	for i := range x.NumField() {
		if reflect.DeepEqual(x.Field(i).Interface(), y.Field(i).Interface()) {
			continue
		}
		name := x.Type().Field(i).Name
		if f, ok := reflect.TypeFor[section]().FieldByName(name); ok {
			name = f.Tag.Get("yaml")
		}
		keys = append(keys, name)
	}
	return keys
}
