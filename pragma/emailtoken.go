package pragma

import "time"

// EmailTokenLife returns how long a token that verifies an e-mail address is good
// (TokenSignerConfig.emailTokenExpirationMinutes).
func (m *Mount) EmailTokenLife() time.Duration {
	return time.Duration(m.side.core.tokens.config().EmailTokenExpirationMinutes) * time.Minute
}
