// Package conf reads configuration files into typed values and keeps them current.
//
// A [Loader] reads an ordered list of YAML files into one [Tree]. Maps merge,
// later files win, a key set to null removes the entry (or, for a struct field,
// brings its default back), lists and scalars are replaced. Values may be taken
// from the environment (${NAME}, also inside a longer text; $${ is a plain ${)
// or from a file (file:path, relative to the configuration file, one trailing
// newline dropped). What was substituted is not expanded again, may be used
// where a number or a bool is wanted, and is never printed. Substitution happens
// once, after merging, so a value that a later file replaces needs no variable.
//
// The owner of a section claims it and decodes it strictly over its defaults
// with [Bind] (or [Tree.Section] and [Section.Decode]). Nothing stops at the
// first mistake: every mistake is a [Finding] with file, line, column and path,
// and functions that return an error return all of them as [Findings]. Mistakes
// above the sections stay with the tree ([Tree.Mistakes]), so that those inside
// are found too; only a file that is no YAML map leaves no tree.
//
//	loader := &conf.Loader{Files: []string{"common.yml", "local-dev.yml"}}
//	tree, err := loader.Load()
//	set := conf.NewSet(tree)
//	party, err := conf.Bind(set, conf.Binding[Config]{
//		Path:    "game.serviceConfigs.PartyConfig",
//		Default: DefaultConfig(),
//	})
//	err = set.Check()     // every finding, and every section nobody bound
//	party.Load()          // the current value, once per call
//
// While running, [Loader.Watch] polls the files and [Set.Apply] takes a new tree
// over: completely, or not at all if anything in it is wrong.
//
// # Types
//
// A struct field is matched by its yaml tag or by the lower-camel form of its
// Go name (PortalURL is portalUrl). The tag option alias, as in
// `yaml:"connectPlayersTimeoutMillis,alias=gameReadyTimeoutMillis"`, gives it an
// older name and may be repeated; "-" hides the field. Embedded structs are
// read in place. Known kinds are bool, integers (range checked), floats,
// strings, structs, pointers, slices, maps with text or integer keys, any, types
// with UnmarshalText, and [Section] for a part that somebody else decodes later.
// Durations are integers with the unit in the name, so a time.Duration is
// refused. A type may implement [Validator] to check itself; a finding stands at
// the key that its error names, as a [FieldError] or with its first word. A type
// may implement [Defaulter] to fill in a new map entry, list element or pointer.
//
// # Limits
//
// A file has at most 1 MiB, one document, 32 levels. Anchors, aliases, merge
// keys and tags are refused: files already merge, and nothing can blow up. One
// file or section reports at most 100 findings and the number of the others.
package conf
