package weights

import (
	"encoding/binary"
	"fmt"
	"strings"
)

const (
	objectGraphKey  = "_CHECKPOINTABLE_OBJECT_GRAPH"
	variableSuffix  = "/.ATTRIBUTES/VARIABLE_VALUE"
	variableFeature = "VARIABLE_VALUE"
)

// names maps the keys of the wanted variables to the names of their tensors. TensorFlow 2 keys a
// variable by its path through Python's objects and records its own name (block1_conv1/kernel)
// beside that; where every variable has a unique name, it is used.
func (b *bundle) names() (map[string]string, error) {
	all := map[string]bool{}
	for key := range b.entries {
		all[strings.TrimSuffix(key, variableSuffix)] = true
	}
	names := map[string]string{}
	for key, e := range b.entries {
		if name := strings.TrimSuffix(key, variableSuffix); e.kind != notFloat && !trainersOwn(name, all) {
			names[key] = name
		}
	}
	graph, found := b.entries[objectGraphKey]
	if !found || graph.dtype != stringType {
		return names, nil
	}
	full, err := b.fullNames(graph)
	if err != nil {
		return nil, fmt.Errorf("the graph of its objects: %w", err)
	}
	own, taken := map[string]string{}, map[string]bool{}
	for key := range names {
		name := full[key]
		if name == "" || taken[name] {
			return names, nil
		}
		own[key], taken[name] = name, true
	}
	return own, nil
}

// fullNames are the variables' own names by key, from tensorflow.TrackableObjectGraph.
func (b *bundle) fullNames(e bundleEntry) (map[string]string, error) {
	raw, err := b.raw(e)
	if err != nil {
		return nil, err
	}
	// A string tensor is the lengths of the strings, a checksum of these, and the strings.
	length, n := binary.Uvarint(raw)
	if n <= 0 || len(raw)-n < 4 || length != uint64(len(raw)-n-4) {
		return nil, fmt.Errorf("%w: it is damaged", ErrFormat)
	}
	names := map[string]string{}
	err = eachField(raw[n+4:], func(node field) error {
		if node.number != 1 {
			return nil
		}
		return eachField(node.bytes, func(attribute field) error {
			if attribute.number != 2 {
				return nil
			}
			var part [4]string
			err := eachField(attribute.bytes, func(f field) error {
				if f.number < 4 {
					part[f.number] = string(f.bytes)
				}
				return nil
			})
			if part[1] == variableFeature {
				names[part[3]] = part[2]
			}
			return err
		})
	})
	return names, err
}
