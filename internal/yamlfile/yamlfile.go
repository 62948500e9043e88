// Package yamlfile reads settings from YAML, and says in plain words what is wrong with them.
package yamlfile

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Decode reads a document into a struct, whose fields have yaml tags. A key that no field has is an
// error that names its line and the keys that can stand there. An empty document changes nothing.
func Decode(data []byte, to any) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return plain(err)
	}
	if len(doc.Content) == 0 {
		return nil
	}
	if err := errors.Join(unknown(doc.Content[0], reflect.TypeOf(to).Elem())...); err != nil {
		return err
	}
	return plain(doc.Content[0].Decode(to))
}

// plain takes what the library says of itself out of its errors.
func plain(err error) error {
	var wrong *yaml.TypeError
	if errors.As(err, &wrong) {
		return errors.New(strings.Join(wrong.Errors, "; "))
	}
	return err
}

// unknown finds the keys of a node that a type has no field for.
func unknown(n *yaml.Node, t reflect.Type) (list []error) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch {
	case n.Kind == yaml.SequenceNode && t.Kind() == reflect.Slice:
		for _, e := range n.Content {
			list = append(list, unknown(e, t.Elem())...)
		}
	case n.Kind == yaml.MappingNode && t.Kind() == reflect.Map:
		for i := 1; i < len(n.Content); i += 2 {
			list = append(list, unknown(n.Content[i], t.Elem())...)
		}
	case n.Kind == yaml.MappingNode && t.Kind() == reflect.Struct:
		fields := fieldsOf(t)
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if field, ok := fields[key.Value]; ok {
				list = append(list, unknown(n.Content[i+1], field)...)
				continue
			}
			list = append(list, fmt.Errorf("line %d: unknown key %q; there are %s", key.Line, key.Value, names(t)))
		}
	}
	return list
}

func fieldsOf(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		fields[name] = t.Field(i).Type
	}
	return fields
}

// names lists the keys of a struct in the order of its fields.
func names(t reflect.Type) string {
	var list []string
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		list = append(list, name)
	}
	return strings.Join(slices.Compact(list), ", ")
}
