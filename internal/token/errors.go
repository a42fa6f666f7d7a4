package token

import "errors"

// The errors of this package. Those of [Keys.Verify] are always one of the
// first three; test with errors.Is. The gateway gives each its documented name
// (wire §16.8).
var (
	// ErrDecode means that the text is not a token of ours: too long, not three
	// parts, not JSON, or with a good signature but claims of another kind.
	// AccountService_TokenDecodeFailed on the wire.
	ErrDecode = errors.New("token: cannot be read")
	// ErrSignature means that no key we believe has signed the token: another
	// algorithm, an unknown key id, or a signature that does not fit.
	// AccountService_TokenSignatureVerificationFailed on the wire.
	ErrSignature = errors.New("token: signature is not valid")
	// ErrExpired means that the token is genuine but outside its time: over, or
	// not begun. AccountService_TokenExpired on the wire.
	ErrExpired = errors.New("token: outside its time")

	// ErrClaims is returned by [Keys.Sign] for claims that do not fit the kind of
	// token. It is a mistake of the calling code.
	ErrClaims = errors.New("token: claims do not fit")
	// ErrTooLarge is returned by [Keys.Sign] when the token would be longer than
	// [MaxSize].
	ErrTooLarge = errors.New("token: too large")
	// ErrNoKey is returned by [Keys.Sign] when there is no signing key.
	ErrNoKey = errors.New("token: no signing key")
	// ErrKey is returned for keys that cannot be used: not RSA, too short, too
	// long, inconsistent, or not PEM.
	ErrKey = errors.New("token: key cannot be used")
)
