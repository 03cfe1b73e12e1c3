package savedmodel

import (
	"maps"
	"slices"
	"strings"

	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"

	"fovea/inference"
)

func cutFirst(name string) (string, bool) {
	_, rest, found := strings.Cut(name, "/")
	return rest, found
}

// shownNames are the names of operations and scopes as users see them: without the calls that lead
// to them, unless only these distinguish several of one name.
func shownNames(w *way) map[string]string {
	all := maps.Clone(w.scopes)
	for _, operation := range w.operations {
		all[operation.Name()] = true
	}
	uses := map[string]int{}
	for name := range all {
		uses[withoutCalls(name)]++
	}
	shown := make(map[string]string, len(all))
	for name := range all {
		if shown[name] = withoutCalls(name); uses[shown[name]] > 1 {
			shown[name] = withoutPrefix(name)
		}
	}
	return shown
}

// numbersCopies says whether numbers were added to the names of Keras's layers in the graph, as
// Keras 3's export does when a name is already in use during tracing. The variables show it: they
// are named after their layers, without those numbers.
func numbersCopies(nodes []*nodepb.NodeDef) bool {
	added, kept := 0, 0
	for _, node := range nodes {
		if node.GetOp() != "ReadVariableOp" || len(node.GetInput()) == 0 {
			continue
		}
		layers := strings.Split(inference.Producer(node.GetInput()[0]), "/")
		layers = layers[:len(layers)-1]
		for part := range strings.SplitSeq(node.GetName(), "/") {
			plain, numbered := cutNumber(part)
			if !numbered {
				continue
			}
			switch asIs, without := slices.Contains(layers, part), slices.Contains(layers, plain); {
			case without && !asIs:
				added++
			case asIs && !without:
				kept++
			}
		}
	}
	return added > 0 && kept == 0
}

// endings are the shorter names that a layer may go by: the last parts of its name, with or without
// the number that Keras adds to distinguish copies.
func endings(name string) []string {
	var all []string
	for rest := name; ; {
		if plain, found := cutNumber(rest); found {
			all = append(all, plain)
		}
		i := strings.IndexByte(rest, '/')
		if i < 0 {
			return all
		}
		rest = rest[i+1:]
		all = append(all, rest)
	}
}

// cutNumber strips "_1" from "block1_conv1_1".
func cutNumber(name string) (string, bool) {
	i := strings.LastIndexByte(name, '_')
	if i <= 0 {
		return name, false
	}
	if _, err := nonNegative(name[i+1:]); err != nil {
		return name, false
	}
	return name[:i], true
}
