package pragma

import (
	"unicode/utf8"

	"github.com/go-json-experiment/json"
)

// MaxLoginOption is the longest text in bytes that a client may say of itself at
// the log-in, such as [PlayerSession].HardwareDevice.
const MaxLoginOption = 128

// sessionInfo is the JSON inside the claim extSessionInfo of a player's tokens
// (wire §2.3; its members are ours). What is not set is left out, so that the
// usual claim is "{}". Members that we do not know are passed over.
type sessionInfo struct {
	DistributionPlatform string `json:"distributionPlatform,omitzero"`
	HardwareClass        string `json:"hardwareClass,omitzero"`
	HardwareDevice       string `json:"hardwareDevice,omitzero"`
}

// info returns the claim, or [ErrMalformed] for texts that it cannot hold.
func (p *PlayerSession) info() (string, error) {
	i := sessionInfo{p.DistributionPlatform, p.HardwareClass, p.HardwareDevice}
	for _, field := range []struct{ name, value string }{
		{"distributionPlatform", i.DistributionPlatform},
		{"hardwareClass", i.HardwareClass},
		{"hardwareDevice", i.HardwareDevice},
	} {
		if len(field.value) > MaxLoginOption || !utf8.ValidString(field.value) {
			return "", ErrMalformed.With("%s must be UTF-8 of at most %d bytes", field.name, MaxLoginOption)
		}
	}
	text, err := json.Marshal(&i)
	return string(text), err
}

// setInfo takes over what the claim says.
func (p *PlayerSession) setInfo(claim string) error {
	if claim == "" || claim == "{}" {
		return nil
	}
	var i sessionInfo
	if err := json.Unmarshal([]byte(claim), &i); err != nil {
		return err
	}
	p.DistributionPlatform, p.HardwareClass, p.HardwareDevice = i.DistributionPlatform, i.HardwareClass, i.HardwareDevice
	return nil
}
