package savedmodel

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"fovea/inference"
)

// naming names the layers. A layer goes by each scope that it alone leaves, by its operation, by
// the keys of the signature's outputs, by Keras's names, and by the last parts of all these. A name
// that fits several layers belongs to none.
type naming struct {
	way      *way
	shown    map[string]string // names of operations and scopes without the calls to them
	leaving  map[string][]place
	numbered bool // whether numbers were added to Keras's names, see numbersCopies
	noted    map[string][]string

	layers []inference.Layer
	places []place          // of the layers, in their order
	index  map[place]int    // of the layers, by their tensors
	why    map[place]string // other tensors are not layers

	// exact are the names of scopes and operations, outputs those of the signature's outputs, keras
	// those that Keras shows, ends the last parts of names.
	exact, outputs, keras, ends claims
	ambiguous                   map[string][]string
	hidden                      map[string]string
}

// claims are the tensors that claim a name.
type claims map[string][]place

func (c claims) add(name string, places ...place) {
	for _, p := range places {
		if !slices.Contains(c[name], p) {
			c[name] = append(c[name], p)
		}
	}
}

// name names all layers. keys are the keys of the signature's outputs.
func (n *naming) name(keys []string) {
	n.exact, n.outputs, n.keras, n.ends = claims{}, claims{}, claims{}, claims{}
	n.ambiguous, n.hidden = map[string][]string{}, map[string]string{}
	ofScopes := n.claimScopes()
	for i, p := range n.places {
		own := n.operationName(p)
		n.exact.add(own, p)
		n.exact.add(withoutCalls(own), p)
		n.claimEnds(own, p)
		n.layers[i].Name = n.primary(ofScopes[p], own)
	}
	for _, operation := range n.way.operations {
		if p := (place{operation.Name(), 0}); n.why[p] != "" {
			n.exact.add(n.operationName(p), p)
		}
	}
	for name, more := range n.noted {
		for _, alias := range more {
			n.exact.add(alias, n.exact[name]...)
		}
	}
	for i, p := range n.way.returned {
		n.outputs.add(keys[i], n.way.root(p))
	}
	n.decide()
}

// claimScopes lets scopes name what leaves them. It returns, for each layer, the names of the
// scopes that it alone leaves, outermost first.
func (n *naming) claimScopes() map[place][]string {
	names := map[place][]string{}
	for _, scope := range slices.Sorted(maps.Keys(n.leaving)) {
		places := n.leaving[scope]
		if visible := n.visible(places); len(visible) > 0 {
			places = visible
		}
		name := n.shown[scope]
		n.exact.add(name, places...)
		n.exact.add(withoutCalls(name), places...)
		n.claimEnds(name, places...)
		if keras, found := n.kerasName(scope); found {
			n.keras.add(keras, places...)
			for rest, more := cutFirst(keras); more; rest, more = cutFirst(rest) {
				n.keras.add(rest, places...)
			}
		}
		if len(places) == 1 {
			names[places[0]] = append(names[places[0]], name)
		}
	}
	return names
}

func (n *naming) visible(places []place) []place {
	var visible []place
	for _, p := range places {
		if _, found := n.index[p]; found {
			visible = append(visible, p)
		}
	}
	return visible
}

// operationName is the name of the operation that computes a tensor. If other tensors leave a scope
// of that name, the scope keeps it and the operation gets ":0".
func (n *naming) operationName(p place) string {
	name := n.shown[p.operation]
	leaving, isScope := n.leaving[p.operation]
	if p.index > 0 || isScope && !slices.Equal(leaving, []place{p}) {
		return name + ":" + strconv.Itoa(p.index)
	}
	return name
}

// primary is the name that a layer is listed under: that of the innermost scope, preferably one
// that Keras numbers, or of its operation.
func (n *naming) primary(scopes []string, operation string) string {
	for _, name := range slices.Backward(scopes) {
		if _, numbered := cutNumber(name); numbered || !n.numbered {
			return name
		}
	}
	if len(scopes) > 0 {
		return scopes[len(scopes)-1]
	}
	return operation
}

// claimEnds claims the last parts of a name.
func (n *naming) claimEnds(name string, places ...place) {
	for _, end := range endings(name) {
		n.ends.add(end, places...)
	}
}

// kerasName is the name of a scope's layer and the layers around it as Keras shows them:
// "small/fc1" for "small_1/fc1_1". Scopes within a layer, which TensorFlow's functions open, have
// no such name.
func (n *naming) kerasName(scope string) (string, bool) {
	if !n.numbered {
		return "", false
	}
	parts := strings.Split(n.shown[scope], "/")
	found := false
	beginning := strings.TrimSuffix(scope, n.shown[scope])
	for i := range parts {
		var plain string
		if plain, found = cutNumber(parts[i]); !found {
			continue
		}
		sibling := beginning + strings.Join(append(slices.Clone(strings.Split(n.shown[scope], "/")[:i]), plain), "/")
		if _, again := cutNumber(plain); !again && n.shown[sibling] != "" {
			found = false // the second of that name in the layer, numbered by TensorFlow, such as "einsum_1"
			continue
		}
		parts[i] = plain
	}
	return strings.Join(parts, "/"), found
}

// decide turns claims into aliases, or says why a name belongs to no layer.
func (n *naming) decide() {
	names := map[string]bool{}
	for _, c := range []claims{n.exact, n.outputs, n.keras, n.ends} {
		for name := range c {
			names[name] = true
		}
	}
	aliases := make([][]string, len(n.layers))
	for _, name := range slices.Sorted(maps.Keys(names)) {
		places := n.claimants(name)
		visible := n.visible(places)
		switch {
		case len(visible) == 0:
			n.hidden[name] = cmp.Or(n.why[places[0]], "that is the input itself")
		case len(places) == 1:
			i := n.index[places[0]]
			if name != n.layers[i].Name {
				aliases[i] = append(aliases[i], name)
			}
		default:
			for _, p := range places {
				n.ambiguous[name] = append(n.ambiguous[name], n.candidate(p))
			}
		}
	}
	for i := range n.layers {
		slices.SortStableFunc(aliases[i], func(a, b string) int {
			return cmp.Or(-cmp.Compare(len(n.keras[a]), len(n.keras[b])), cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
		})
		n.layers[i].Aliases = aliases[i]
	}
}

// claimants are the tensors that a name may stand for. A whole name takes precedence over a part of
// another, and a name that Keras shows over one with a number that was added in the graph: Keras's
// conv2d_1 is conv2d_1_2 there, and its conv2d is conv2d_1.
func (n *naming) claimants(name string) []place {
	if places := n.exact[name]; len(places) > 0 {
		return places
	}
	together := claims{}
	together.add(name, n.outputs[name]...)
	together.add(name, n.keras[name]...)
	if places := together[name]; len(places) > 0 {
		return places
	}
	return n.ends[name]
}

// candidate is how a layer is listed where a name is ambiguous.
func (n *naming) candidate(p place) string {
	if i, found := n.index[p]; found {
		return n.layers[i].Name
	}
	return n.shown[p.operation]
}
