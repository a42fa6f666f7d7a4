// Package ext carries messages that only the studio understands.
//
// A [Value] is one such message: a JSON object that the server stores, routes
// and sends on without looking inside (engine §0.4, "Ext"). Only the plugin that
// knows its type decodes it, with [As], and makes new ones, with [Of]. Nothing
// has to be registered, and the zero Value is the empty message.
//
//	type JoinExt struct {
//		Rank int `json:"rank"`
//	}
//
//	join, err := ext.As[JoinExt](r.Ext)     // what the client sent
//	r.Player.SetExt(ext.Of(JoinExt{Rank: 3})) // what the server keeps
//
// # What a studio's type may be
//
// A plain Go struct, whose fields should have a json tag with the name in
// camelCase, or a message generated from a .proto file, as T or *T. A generated
// message is written with camelCase names, 64-bit integers as text and default
// values present, the way the rest of the wire is written (wire §5). A plain
// struct is written as its tags say; give a 64-bit field that a client reads the
// tag option string, for example `json:"amount,string"`.
//
// Reading is more generous than writing. Unknown members are ignored, null and a
// missing member are the zero value, and every number is read as a number or as
// text ("7", 7 and 7.0), because some clients send numbers inside ext as text
// (wire §7.2). Member names of a plain struct match without regard to case,
// dashes and underscores, so player_rank finds playerRank; those of a generated
// message are its camelCase and its .proto names. A member given twice, also in
// two spellings, is refused.
//
// # What stays untouched
//
// A Value that is only passed on keeps its text: the order of members, the
// spelling of numbers (1.0, 1e400 and 12345678901234567890 stay as they are, no
// float is ever made of them) and the escapes in strings. Only white space
// between tokens is dropped. JSON that has two meanings is refused when it
// comes in: duplicate members, invalid UTF-8 and lone surrogates in escapes.
package ext
