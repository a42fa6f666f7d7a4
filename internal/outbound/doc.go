// Package outbound makes HTTP calls to services outside, bounded in time and size.
//
// A [NewClient] follows no redirect, so that neither a secret nor a check of the
// address is lost on the way, and refuses answers beyond [MaxBody]. [Do] returns
// errors that do not name the address, because some services want their secret
// in it. [Within] leaves the caller time to report a service that hangs.
package outbound
