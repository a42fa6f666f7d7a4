// Package escs lets players meet in matches that a tournament platform makes, and
// sends the results back to it.
package escs
