// Package token signs and verifies the JSON web tokens of players, partners,
// operators and the log-in queue.
//
// There is one algorithm, RS256, and one issuer. [Keys] holds the key that
// signs and the keys that are still believed; it can be replaced while the
// server runs. To rotate, have every node believe the new key first, then make
// it the signing key and keep the old public key among the others until the
// last token signed with it is over. No session ends because of it.
//
// [Keys.Sign] refuses claims that do not fit the kind of token (wire §2.3 and
// §16.9), so a claim is never dropped in silence and never missing. The payload
// is ASCII, and its base64url text has neither '-' nor '_': clients that decode
// it with plain base64 read it too.
//
// # Verification
//
// [Keys.Verify] reads nothing of the payload before the signature is good. The
// order is: size, three parts of base64url, header, signature, claims, times.
// A text that fails before the signature is no token in anyone's eyes and costs
// no more than reading it. Every other token, with whatever algorithm and key
// id, costs exactly one RSA verification, the good ones included: one that
// names an unknown key is checked against the signing key and then refused. So
// the time of an answer does not tell which key ids exist, as long as the keys
// have one size: a larger key takes longer, and so shows that it is there.
//
// That is all that constant work means here. A key id is no secret, it stands in
// every token; a signature is compared with what the public key gives, which
// anyone may compute; and no secret takes part in a verification. What comes
// after the signature may end early, because only the server has written it.
//
// Errors say what was wrong in constant words. They never contain the token or
// any part of it.
package token
