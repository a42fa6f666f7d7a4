// Package archtest checks the rules of this module that the compiler does not know.
//
// Its test reads every package of the module and fails on
//
//   - a package without a rank, or an import that does not point to a lower rank (see [Ranks]),
//   - a library that [Libraries] does not grant to the importing package,
//   - package testing in code that ships,
//   - an init function, and a package variable that anything may write,
//   - an exported identifier or a package without a comment.
//
// Each rule is a function from a parsed module to findings, so that a test can
// show it a small module that breaks it. Rules look at syntax only: they are
// quick and their reasons are easy to see, at the price that a determined author
// can get around them.
//
// The package also measures the module; make sizes prints the result. Sizes are
// aims for a review to talk about and fail nothing.
package archtest
