package savedmodel

import (
	"slices"

	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"

	"fovea/inference"
)

// Memory remembers between runs what computing images of noise showed about models: that they are not random and can
// be run, and what is Found. Whoever implements it must tell apart all that Options and machines decide; a model is
// known by its SHA-256. Models that more than their own graph and variables decide are never asked for or kept: those
// with assets or that are trusted, those whose variables had to be found or whose random layers were cut out, and
// dense ones.
type Memory interface {
	// Recall gives what was kept of a model, false if nothing was: Unrewritten then says whether to open it so if it
	// consists of convolutions and little else. They will be replaced, or it will be opened again.
	Recall(sha256 string) (Found, bool)
	// Keep is called once a model has been opened and computed.
	Keep(sha256 string, found Found)
}

// Found is what has to be computed to be known.
type Found struct {
	// Unfused is that of inference.SessionConfig.
	Unfused bool `json:"unfused,omitempty"`
	// MaxBatch is that of inference.Model.
	MaxBatch int `json:"max_batch,omitempty"`
	// Unrewritten is that of inference.SessionConfig: whether the model was opened so.
	Unrewritten bool `json:"unrewritten,omitempty"`
}

// recall asks the memory, once it is known what would run and before anything does.
func (l *loader) recall() error {
	l.memorable = l.options.Memory != nil && !l.options.Dense && len(l.program.impure) == 0 && len(l.program.assets) == 0 && l.input.channels != 0
	if !l.memorable {
		return nil
	}
	sum, err := l.digest.wait()
	if err != nil {
		return err
	}
	l.found, l.known = l.options.Memory.Recall(sum)
	l.options.Session.Unfused = l.options.Session.Unfused || l.known && l.found.Unfused
	l.options.Session.Unrewritten = l.found.Unrewritten && (l.known || l.promising())
	return nil
}

// keep keeps what was found.
func (l *loader) keep(model *inference.Model) error {
	if !l.memorable || len(l.notes) > 0 || len(l.acting) > 0 {
		return nil
	}
	sum, err := l.digest.wait()
	if err == nil {
		l.options.Memory.Keep(sum, Found{Unfused: model.Unfused, MaxBatch: model.MaxBatch, Unrewritten: model.Unrewritten})
	}
	return err
}

// plain are the operations of models like ResNet and EfficientNet, whose convolutions others may compute so that
// TensorFlow's rewriting of the graph has nothing left to do.
var plain = map[string]bool{
	"Const": true, "Placeholder": true, "VarHandleOp": true, "ReadVariableOp": true, "Identity": true, "NoOp": true,
	"Conv2D": true, "BiasAdd": true, "FusedBatchNormV3": true, "Relu": true, "MaxPool": true, "Pad": true, "Mean": true, "ConcatV2": true,
	"AddV2": true, "Mul": true, "Sub": true, "Rsqrt": true, "Reshape": true, "Squeeze": true, "MatMul": true, "Softmax": true, "Shape": true, "StridedSlice": true, "Pack": true,
	"DepthwiseConv2dNative": true, "Sigmoid": true, "Relu6": true, "IdentityN": true, "RealDiv": true, "Sqrt": true, "Maximum": true,
}

// promising says whether the model consists of such operations.
func (l *loader) promising() bool {
	nodes := l.flat.nodes
	if len(nodes) == 0 { // nothing is hidden in functions
		for name := range closure(l.flat.top.nodes, outputNodes(l.def)) {
			nodes = append(nodes, l.flat.top.nodes[name])
		}
	}
	return !l.channelsFirst() && !slices.ContainsFunc(nodes, func(n *nodepb.NodeDef) bool { return !plain[n.GetOp()] })
}
