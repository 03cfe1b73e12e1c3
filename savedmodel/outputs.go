package savedmodel

import (
	"fmt"
	"strconv"
	"strings"

	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	oppb "github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"
)

// outputIndex turns what follows the node's name in a reference into the number of the
// output. In functions, outputs have names, and each may stand for several tensors.
func (f *flattener) outputIndex(s *scope, node *nodepb.NodeDef, rest string) (int, error) {
	if rest == "" {
		return 0, nil
	}
	if s.function == nil {
		return nonNegative(rest)
	}
	output, number, _ := strings.Cut(rest, ":")
	within := 0
	if number != "" {
		var err error
		if within, err = nonNegative(number); err != nil {
			return 0, err
		}
	}
	operator := f.operators[node.GetOp()]
	if function := f.functions[node.GetOp()]; function != nil {
		operator = function.GetSignature()
	}
	if operator == nil {
		return 0, fmt.Errorf("operation %s is not described in the model", node.GetOp())
	}
	offset := 0
	for _, argument := range operator.GetOutputArg() {
		if argument.GetName() == output {
			return offset + within, nil
		}
		offset += argumentLength(argument, node)
	}
	return 0, fmt.Errorf("operation %s has no output %q", node.GetOp(), output)
}

func nonNegative(digits string) (int, error) {
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is not the number of an output", digits)
	}
	return n, nil
}

// argumentLength is the number of tensors that an operator's argument stands for on a node.
func argumentLength(argument *oppb.OpDef_ArgDef, node *nodepb.NodeDef) int {
	switch {
	case argument.GetNumberAttr() != "":
		return int(node.GetAttr()[argument.GetNumberAttr()].GetI())
	case argument.GetTypeListAttr() != "":
		return len(node.GetAttr()[argument.GetTypeListAttr()].GetList().GetType())
	}
	return 1
}
