package inference

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"google.golang.org/protobuf/proto"
)

// GraphDef is the definition of a graph, without the values of its variables. Graphs of more than 1
// GiB, such as those with frozen weights, are an error.
func GraphDef(graph *tf.Graph) (*graphpb.GraphDef, error) {
	var encoded bytes.Buffer
	if _, err := graph.WriteTo(&encoded); err != nil {
		return nil, fmt.Errorf("inference: write the graph: %w", err)
	}
	definition := new(graphpb.GraphDef)
	if err := proto.Unmarshal(encoded.Bytes(), definition); err != nil {
		return nil, fmt.Errorf("inference: read the graph: %w", err)
	}
	return definition, nil
}

// Producer is the node that a tensor or control input comes from, given its name in a graph
// definition, such as "conv:0" or "^conv".
func Producer(tensor string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(tensor, "^"), ":")
	return name
}

// ParseTensor splits a tensor's name, "NODE" or "NODE:INDEX".
func ParseTensor(tensor string) (node string, index int, err error) {
	node, digits, found := strings.Cut(tensor, ":")
	if !found {
		return node, 0, nil
	}
	if index, err = strconv.Atoi(digits); err != nil || index < 0 {
		return "", 0, fmt.Errorf("inference: %q is not the name of a tensor", tensor)
	}
	return node, index, nil
}
