// Package sqlstore holds what the drivers of SQL databases have in common: how batches wait and are grouped, decided and tried again, how records are read in pages, how a server is named and judged.
//
// A driver brings the connections and the statements. It knows when an error of
// its server leaves the outcome open; this package knows what follows from that.
package sqlstore
