package doctor

import (
	"iter"
	"strings"

	"go.yaml.in/yaml/v3"
)

// content is the one value of a document; nil if it is empty.
func content(doc *yaml.Node) *yaml.Node {
	if doc.Kind == yaml.DocumentNode && len(doc.Content) > 0 {
		return doc.Content[0]
	}
	return nil
}

// target follows an alias.
func target(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// pairs yields keys and values of a mapping, with those that "<<" brings in.
func pairs(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(k, v *yaml.Node) bool) {
		left := maxNodes
		eachPair(n, yield, &left, 0)
	}
}

// Aliases make a small file a huge one, or one without an end: what is looked at has bounds.
const (
	maxMerges  = 10 // of mappings into others, how deep
	maxDepth   = 100
	maxExtends = 1000 // jobs that a job extends
	maxNodes   = 100_000
	maxText    = 4 << 20
)

func eachPair(n *yaml.Node, yield func(k, v *yaml.Node) bool, left *int, depth int) bool {
	n = target(n)
	if n == nil || n.Kind != yaml.MappingNode || depth > maxMerges {
		return true
	}
	if *left -= 1 + len(n.Content); *left < 0 {
		return false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], target(n.Content[i+1])
		if k.Tag != "!!merge" {
			if !yield(k, v) {
				return false
			}
			continue
		}
		for _, from := range append(items(v), v) {
			if !eachPair(from, yield, left, depth+1) {
				return false
			}
		}
	}
	return true
}

// child is the value of a key; nil if there is none. The mapping's own come before merged ones.
func child(n *yaml.Node, key string) (found *yaml.Node) {
	n = target(n)
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key && n.Content[i].Tag != "!!merge" {
			return target(n.Content[i+1])
		}
	}
	for k, v := range pairs(n) {
		if k.Value == key {
			return v
		}
	}
	return nil
}

// items are those of a list; a scalar is a list of one.
func items(n *yaml.Node) (list []*yaml.Node) {
	n = target(n)
	switch {
	case n == nil:
	case n.Kind == yaml.SequenceNode:
		for _, one := range n.Content {
			list = append(list, target(one))
		}
	case n.Kind == yaml.ScalarNode:
		list = append(list, n)
	}
	return list
}

// scalar is the text of a node that is one; "" for others.
func scalar(n *yaml.Node) string {
	if n = target(n); n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

// texts are the scalars of a mapping.
func texts(n *yaml.Node) map[string]string {
	out := map[string]string{}
	for k, v := range pairs(n) {
		if _, has := out[k.Value]; !has && v.Kind == yaml.ScalarNode {
			out[k.Value] = v.Value
		}
	}
	return out
}

// allText is every scalar in a node, a line each.
func allText(n *yaml.Node) string {
	var b strings.Builder
	left := maxNodes
	addText(&b, n, &left, 0)
	return b.String()
}

func addText(b *strings.Builder, n *yaml.Node, left *int, depth int) {
	n = target(n)
	if *left--; n == nil || *left < 0 || depth > maxDepth || b.Len()+len(n.Value) > maxText {
		return
	}
	if n.Kind == yaml.ScalarNode {
		b.WriteString(n.Value + "\n")
		return
	}
	for _, one := range n.Content {
		addText(b, one, left, depth+1)
	}
}
