// Package jsonbench compares the two JSON libraries of ADR 6 on messages of the
// size and shape that the engine sends and reads:
//
//	go -C internal/tools/jsonbench test -bench . -count 6
//
// Its tests state what each library does with the cases that decided. It is a
// module of its own only because the directory above it is one.
package jsonbench
