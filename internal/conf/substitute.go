package conf

import (
	"strings"
)

// substitutor replaces ${NAME} and file:path in the texts of a tree.
type substitutor struct {
	*report
	env  func(string) (string, bool)
	read func(string) ([]byte, error)
}

// substitute changes the tree in place. The error, if any, is Findings.
func substitute(root *node, env func(string) (string, bool), read func(string) ([]byte, error)) error {
	s := substitutor{&report{}, env, read}
	s.node("", root)
	return s.err()
}

func (s *substitutor) node(path string, n *node) {
	switch n.kind {
	case mapping:
		for _, key := range n.keys {
			s.node(join(path, key), n.entries[key])
		}
	case sequence:
		for i, item := range n.items {
			s.node(index(path, i), item)
		}
	case text:
		s.text(path, n)
	}
}

func (s *substitutor) text(path string, n *node) {
	name, isFile := strings.CutPrefix(n.text, "file:")
	expanded, ok := s.expand(path, n, name)
	if !ok {
		n.broken = true
		return
	}
	if isFile {
		n.text, n.secret = s.file(path, n, expanded), true
		return
	}
	n.text = expanded
}

// expand replaces the variables in value and marks n if there are any. A missing
// one is a finding.
func (s *substitutor) expand(path string, n *node, value string) (string, bool) {
	var out strings.Builder
	ok := true
	for {
		before, after, found := strings.Cut(value, "${")
		if !found {
			out.WriteString(value)
			return out.String(), ok
		}
		if plain, escaped := strings.CutSuffix(before, "$"); escaped {
			out.WriteString(plain + "${")
			value = after
			continue
		}
		name, rest, closed := strings.Cut(after, "}")
		if !closed || !isVariable(name) {
			s.add(n.pos, path, `want a variable such as ${NAME}; write $${ for a plain ${`)
			return "", false
		}
		content, set := s.env(name)
		if !set {
			s.add(n.pos, path, "environment variable %s is not set", name)
			ok = false
		}
		out.WriteString(before + content)
		if len(content) >= minPart {
			n.parts = append(n.parts, content)
		}
		if out.Len() > maxFileBytes {
			s.add(n.pos, path, "longer than 1 MiB after substitution")
			return "", false
		}
		value, n.secret = rest, true
	}
}

func (s *substitutor) file(path string, n *node, name string) string {
	if name == "" {
		s.add(n.pos, path, "want a file name after file:")
		n.broken = true
		return ""
	}
	data, err := s.read(beside(n.pos.file, name))
	if err != nil {
		s.add(n.pos, path, "the file cannot be read: %v", reason(err))
		n.broken = true
	}
	content, _ := strings.CutSuffix(string(data), "\n")
	content, _ = strings.CutSuffix(content, "\r")
	return content
}

// minPart is how long a value inside a longer text must be to be looked for in
// messages by itself: shorter ones occur everywhere.
const minPart = 4

func isVariable(name string) bool {
	for i, r := range name {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if digit := r >= '0' && r <= '9'; !letter && (i == 0 || !digit) {
			return false
		}
	}
	return name != "" && len(name) <= 256
}
