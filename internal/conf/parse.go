package conf

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// maxDepth is far above any documented configuration.
const maxDepth = 32

// parse turns the text of a file into a map. It returns nil if that is
// impossible; r tells why.
func parse(r *report, file string, data []byte) *node {
	if pos, ok := unreadable(file, data); ok {
		r.add(pos, "", "not a text in UTF-8, or a control character")
		return nil
	}
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		r.add(position{file: file}, "", "%v", err)
		return nil
	}
	var first, second yaml.Node
	if err := loader.Load(&first); errors.Is(err, io.EOF) {
		return &node{kind: mapping}
	} else if err != nil {
		addSyntaxError(r, file, err)
		return nil
	}
	if err := loader.Load(&second); err == nil {
		r.add(position{file, second.Line, second.Column}, "", "a second document; only one is allowed in a file")
		return nil
	} else if !errors.Is(err, io.EOF) {
		addSyntaxError(r, file, err)
		return nil
	}
	return root(r, file, &first)
}

// root checks that the document is a map. Nothing but comments is an empty one.
func root(r *report, file string, doc *yaml.Node) *node {
	if len(doc.Content) == 0 {
		return &node{kind: mapping}
	}
	content := doc.Content[0]
	p := parser{report: r, file: file}
	n := p.node("", content, p.at(content))
	switch n.kind {
	case mapping:
		return n
	case null:
		return &node{kind: mapping}
	}
	r.add(n.pos, "", "want a map, got %s", describe(n))
	return nil
}

// unreadable returns the place of the first byte that is not text.
func unreadable(file string, data []byte) (position, bool) {
	pos := position{file, 1, 1}
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		switch {
		case r == utf8.RuneError && size == 1:
			return pos, true
		case r == '\n':
			pos.line, pos.column = pos.line+1, 0
		case unicode.IsControl(r) && r != '\t' && r != '\r' && r != '\u0085':
			return pos, true
		}
		pos.column++
		data = data[size:]
	}
	return pos, false
}

func addSyntaxError(r *report, file string, err error) {
	e, ok := errors.AsType[*yaml.LoadError](err)
	if !ok {
		r.add(position{file: file}, "", "not YAML: %v", err)
		return
	}
	message := e.Message
	if e.ContextMsg != "" {
		message = e.ContextMsg + ": " + message
	}
	r.add(position{file, e.Mark.Line, e.Mark.Column}, "", "not YAML: %s", message)
}

// parser turns the library's nodes into ours.
type parser struct {
	*report
	file  string
	depth int
}

func (p *parser) at(y *yaml.Node) position { return position{p.file, y.Line, y.Column} }

// node converts y. An entry of a map stands where its key stands.
func (p *parser) node(path string, y *yaml.Node, pos position) *node {
	n := &node{kind: null, pos: pos}
	p.depth++
	defer func() { p.depth-- }()
	switch {
	case p.depth > maxDepth:
		p.add(pos, path, "nested too deeply; %d levels are allowed", maxDepth)
	case y.Kind == yaml.AliasNode || y.Anchor != "":
		p.add(pos, path, "anchors and aliases are not supported; write the value again")
	case y.Style&yaml.TaggedStyle != 0:
		p.add(pos, path, "tags are not supported; put a text into quotes")
	case y.Kind == yaml.MappingNode:
		p.mapping(path, y, n)
	case y.Kind == yaml.SequenceNode:
		n.kind = sequence
		for i, item := range y.Content {
			n.items = append(n.items, p.node(index(path, i), item, p.at(item)))
		}
	default:
		n.text, n.kind = y.Value, scalarKind(y)
	}
	return n
}

func (p *parser) mapping(path string, y *yaml.Node, n *node) {
	n.kind = mapping
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, pos := y.Content[i], p.at(y.Content[i])
		if ok := key.Kind == yaml.ScalarNode && key.ShortTag() != "!!null"; !ok {
			p.add(pos, path, "a key must be a text")
			continue
		}
		if key.ShortTag() == "!!merge" {
			p.add(pos, path, "the merge key << is not supported; write the entries again")
			continue
		}
		child := join(path, key.Value)
		value := p.node(child, y.Content[i+1], pos)
		if old := n.entries[key.Value]; old != nil {
			p.add(pos, child, "given twice, first in line %d", old.pos.line)
			continue
		}
		n.put(key.Value, value)
	}
}

func scalarKind(y *yaml.Node) kind {
	switch y.ShortTag() {
	case "!!null":
		return null
	case "!!bool":
		return boolean
	case "!!int":
		return integer
	case "!!float":
		return float
	}
	return text
}

// shape checks the levels above the sections, drops what is wrong there, and
// takes dotted plugin slots apart.
func shape(r *report, root *node) {
	known(r, "", root, "core", "game", "social")
	for _, backend := range []string{"game", "social"} {
		if !wantMap(r, "", root, backend) {
			continue
		}
		n := root.entries[backend]
		known(r, backend, n, "serviceConfigs", "pluginConfigs")
		wantMap(r, backend, n, "serviceConfigs")
		if wantMap(r, backend, n, "pluginConfigs") {
			n.entries["pluginConfigs"] = undot(n.entries["pluginConfigs"])
		}
	}
}

func known(r *report, path string, n *node, names ...string) {
	for _, key := range slices.Clone(n.keys) {
		if !slices.Contains(names, key) {
			r.add(n.entries[key].pos, join(path, key), "unknown key%s; known are %s", hint(key, names), strings.Join(names, ", "))
			n.remove(key)
		}
	}
}

// wantMap reports whether an entry of parent is there and a map.
func wantMap(r *report, path string, parent *node, key string) bool {
	n := parent.entries[key]
	if n == nil || n.kind == null {
		return false
	}
	if n.kind != mapping {
		r.add(n.pos, join(path, key), "want a map, got %s", describe(n))
		parent.remove(key)
	}
	return n.kind == mapping
}

// undot turns Service.slot: x into Service: {slot: x}, which means the same.
func undot(slots *node) *node {
	out := &node{kind: mapping, pos: slots.pos}
	for _, key := range slots.keys {
		value := slots.entries[key]
		if service, slot, ok := strings.Cut(key, "."); ok {
			inner := &node{kind: mapping, pos: value.pos}
			inner.put(slot, value)
			key, value = service, inner
		}
		one := &node{kind: mapping, pos: out.pos}
		one.put(key, value)
		merge(out, one)
	}
	return out
}
