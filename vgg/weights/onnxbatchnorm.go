package weights

import (
	"fmt"
	"math"
)

// batchNormEpsilon is the epsilon that readers of the set assume for a normalization. A different
// one is compensated for in the variances, to which it is added.
const batchNormEpsilon = 1e-5

var batchNormParts = []string{"weight", "bias", "running_mean", "running_var"}

func (w *onnxWalk) batchNorm(n onnxNode, p onnxPicture, constants []*onnxTensor) (*onnxPicture, error) {
	var parts [4]Tensor
	for i := range parts {
		var err error
		if parts[i], err = w.constant(n, constants, i+1); err != nil {
			return nil, err
		}
	}
	epsilon := batchNormEpsilon
	if a, given := n.attributes["epsilon"]; given {
		epsilon = a.real
	}
	switch {
	case n.attributes["training_mode"].number != 0:
		return nil, fmt.Errorf("%v normalizes by the batch's own statistics: export the model for inference (model.eval())", n)
	case w.layers == 0 && p.layers == 0:
		return w.normalized(n, p, parts, epsilon)
	case p.fresh < 0 || p.odd != "" || p.channelsLast:
		return nil, fmt.Errorf("%v does not follow a convolution, as VGG's normalizations do", n)
	}
	var err error
	if parts[3], err = withEpsilon(parts[3], epsilon); err != nil {
		return nil, fmt.Errorf("%v: %w", n, err)
	}
	for i, part := range batchNormParts {
		if parts[i], err = vector(parts[i], p.channels); err != nil {
			return nil, fmt.Errorf("%v: %s: %w", n, part, err)
		}
		w.set.Tensors[fmt.Sprintf("sequence/batch_norm_%d/%s", p.fresh, part)] = parts[i]
	}
	return w.plain(p, fmt.Sprintf("batch_norm_%d", p.fresh)), nil
}

// withEpsilon are variances that, with the usual epsilon, act like those with another one.
func withEpsilon(variance Tensor, epsilon float64) (Tensor, error) {
	if math.Abs(epsilon-batchNormEpsilon) < 1e-9 {
		return variance, nil
	}
	values, err := variance.Float32()
	if err != nil {
		return variance, err
	}
	for i, v := range values {
		values[i] = float32(float64(v) + epsilon - batchNormEpsilon)
	}
	return Float32Tensor(variance.Shape, values), nil
}
