package savedmodel

import (
	"cmp"
	"slices"

	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"

	"fovea/inference"
)

// contents are the marks of all that is ever assigned to each variable of strings, by the names of their handles. Variables
// are missing that get different things, and those that others might assign to, through a function or another handle.
// They are found in one pass, since a model may have as many as it likes.
func (g *guard) contents(in body) map[string]mark {
	for _, function := range g.functions {
		if slices.ContainsFunc(function.GetNodeDef(), holdsStrings) {
			return map[string]mark{}
		}
	}
	handles, shared := map[string]*nodepb.NodeDef{}, map[string]int{}
	for name, n := range g.top {
		if holdsStrings(n) {
			handles[name] = n
			shared[variableName(n)]++
		}
	}
	contents, unclear := map[string]mark{}, map[string]bool{}
	for _, n := range g.top {
		inputs := dataInputs(n)
		for i, input := range inputs {
			name := inference.Producer(input)
			if handles[name] == nil {
				continue
			}
			switch kind := n.GetOp(); {
			case kind == "AssignVariableOp" && i == 0 && len(inputs) == 2:
				is, _ := in.origin(inputs[1])
				if before, found := contents[name]; found && before != is {
					unclear[name] = true
				}
				contents[name] = is
			case kind != "ReadVariableOp" && kind != "VarIsInitializedOp":
				unclear[name] = true
			}
		}
	}
	for name, n := range handles {
		if unclear[name] || shared[variableName(n)] > 1 {
			delete(contents, name)
		}
	}
	return contents
}

func holdsStrings(n *nodepb.NodeDef) bool {
	return n.GetOp() == "VarHandleOp" && n.GetAttr()["dtype"].GetType() == typespb.DataType_DT_STRING
}

// variableName is the name under which the session keeps a variable.
func variableName(n *nodepb.NodeDef) string {
	return cmp.Or(string(n.GetAttr()["shared_name"].GetS()), n.GetName())
}
