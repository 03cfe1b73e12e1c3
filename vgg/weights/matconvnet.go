package weights

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"fovea/internal/budget"
)

// MatConvNet's networks are a cell array of layers, each a struct with a name and weights {kernel,
// bias} (before 2015 the fields filters and biases); its DagNN is an array of layers that name
// their parameters, and an array of parameters.

// readMAT reads the layers' weights as LAYER/weights (HWIO) and LAYER/biases. The mean of the
// images goes into the metadata.
func readMAT(name string, o Options) (Set, error) {
	variables, memory, err := readMATFile(name, o)
	if err != nil {
		return Set{}, err
	}
	if net := variables["net"]; len(net.fields) == 1 {
		variables = net.fields[0]
	}
	set := Set{Tensors: map[string]Tensor{}}
	layers := variables["layers"]
	switch {
	case len(layers.cells) > 0:
		err = simpleLayers(memory, &set, layers.cells)
	case len(layers.fields) > 0 && len(variables["params"].fields) > 0:
		err = dagLayers(memory, &set, layers.fields, variables["params"].fields)
	default:
		return Set{}, fmt.Errorf("%w: it is a MATLAB file, but not a network of MatConvNet, which has layers", ErrFormat)
	}
	if err != nil {
		return Set{}, err
	}
	if len(set.Tensors) == 0 {
		return Set{}, fmt.Errorf("%w: it is a network of MatConvNet without weights", ErrFormat)
	}
	noteAverage(&set, variables)
	return set, nil
}

// layerParts are the names of a layer's weights, in order.
var layerParts = []string{"weights", "biases", "moments"}

func simpleLayers(memory *budget.Budget, set *Set, layers []matrix) error {
	for i, cell := range layers {
		if len(cell.fields) != 1 {
			continue
		}
		layer := cell.fields[0]
		parts := layer["weights"].cells
		if len(parts) == 0 {
			parts = []matrix{layer["filters"], layer["biases"]}
		}
		name := layer["name"].text
		if name == "" {
			name = fmt.Sprintf("layers/%d", i)
		}
		cell.fields[0] = nil // frees what has been converted
		if err := addLayer(memory, set, name, layer["type"].text, parts); err != nil {
			return err
		}
	}
	return nil
}

func dagLayers(memory *budget.Budget, set *Set, layers, params []map[string]matrix) error {
	values := map[string]matrix{}
	for _, p := range params {
		values[p["name"].text] = p["value"]
	}
	for _, layer := range layers {
		var parts []matrix
		for _, param := range layer["params"].cells {
			parts = append(parts, values[param.text])
		}
		kind := strings.ToLower(strings.TrimPrefix(layer["type"].text, "dagnn."))
		if err := addLayer(memory, set, layer["name"].text, kind, parts); err != nil {
			return err
		}
	}
	return nil
}

func addLayer(memory *budget.Budget, set *Set, name, kind string, parts []matrix) error {
	for i, part := range parts {
		if len(part.numbers.Raw) == 0 || i >= len(layerParts) {
			continue
		}
		t, err := matTensor(memory, part.numbers, i == 0 && strings.HasPrefix(kind, "conv"))
		full := name + "/" + layerParts[i]
		if _, twice := set.Tensors[full]; twice && err == nil {
			err = fmt.Errorf("%w: the network has it twice", ErrFormat)
		}
		if err != nil {
			return fmt.Errorf("tensor %s: %w", full, err)
		}
		set.Tensors[full] = t
	}
	return nil
}

// matTensor converts an array to row-major order. MATLAB has no vectors and drops trailing
// dimensions of 1, which are restored for kernels.
func matTensor(memory *budget.Budget, t Tensor, kernel bool) (Tensor, error) {
	t.Shape = slices.Clone(t.Shape)
	if kernel {
		for len(t.Shape) < 4 {
			t.Shape = append(t.Shape, 1)
		}
		return rowMajor(memory, t)
	}
	if len(t.Shape) == 2 && (t.Shape[0] == 1 || t.Shape[1] == 1) {
		t.Shape = []int{t.Shape[0] * t.Shape[1]}
	}
	return rowMajor(memory, t)
}

// MeanImageKey is the metadata key of a mean that differs from pixel to pixel.
const MeanImageKey = "mean_image"

// noteAverage records meta.normalization.averageImage, which older versions have without meta. It
// is one color, or an image that is nearly uniform.
func noteAverage(set *Set, variables map[string]matrix) {
	holder := variables
	if meta := variables["meta"]; len(meta.fields) == 1 {
		holder = meta.fields[0]
	}
	normalization := holder["normalization"]
	if len(normalization.fields) != 1 {
		return
	}
	average := normalization.fields[0]["averageImage"].numbers
	values, err := average.Float32()
	if err != nil || len(values) == 0 || len(values)%3 != 0 || average.Shape[len(average.Shape)-1] != 3 && len(values) != 3 {
		return
	}
	means, spread := channelMeans(values)
	if spread > 1e-3 {
		set.note(MeanImageKey, fmt.Sprintf("%v, on average %s", average.Shape, joinFloats(means)))
		return
	}
	set.note(MeanKey, joinFloats(means))
}

// channelMeans are the means of an image whose channels follow one another, and the largest
// deviation of a pixel from them.
func channelMeans(values []float32) (means []float32, spread float64) {
	n := len(values) / 3
	for c := range 3 {
		channel, sum := values[c*n:(c+1)*n], 0.0
		for _, v := range channel {
			sum += float64(v)
		}
		mean := sum / float64(n)
		for _, v := range channel {
			spread = max(spread, math.Abs(float64(v)-mean))
		}
		means = append(means, float32(mean))
	}
	return means, spread
}
