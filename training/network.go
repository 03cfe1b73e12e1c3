package training

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"fovea/vgg"
	"fovea/vgg/weights"
)

// Network is what is trained.
type Network struct {
	// Name says what it is, to people and in checkpoints.
	Name string
	// Input is the shape of one example, such as height, width, channels.
	Input []int
	// Layers lead from the input to the logits of the classes, without a softmax.
	Layers []vgg.Layer
}

// VGG is one of the paper's configurations for images and classes of the given dimensions.
func VGG(c vgg.Configuration, d vgg.Dimensions) (Network, error) {
	if err := d.Validate(); err != nil {
		return Network{}, err
	}
	layers := c.LayersFor(d, true)
	first := layers[0].Shape
	return Network{Name: c.Name, Input: []int{first[0], first[1], 3}, Layers: layers[:len(layers)-1]}, nil
}

// Classes is the number of classes, and of logits.
func (n Network) Classes() int { return n.Layers[len(n.Layers)-1].Shape[0] }

// InputSize is the number of values of an example.
func (n Network) InputSize() int { return product(n.Input) }

func (n Network) validate() error {
	if len(n.Layers) == 0 || len(n.Input) == 0 {
		return errors.New("training: the network has no layers or no input")
	}
	last := n.Layers[len(n.Layers)-1]
	if last.Kind != vgg.KindDense || last.ReLU || last.Shape[0] < 2 {
		return fmt.Errorf("training: network %s ends in %s: it must end in a fully connected layer without a rectifier, with 2 classes or more", n.Name, last.Name)
	}
	return nil
}

// parameter is a kernel or a bias.
type parameter struct {
	name  string
	shape []int
	bias  bool
}

func (n Network) parameters() []parameter {
	var all []parameter
	for _, l := range n.Layers {
		if l.Kernel != nil {
			all = append(all, parameter{l.Name + "/kernel", l.Kernel, false},
				parameter{l.Name + "/bias", l.Kernel[len(l.Kernel)-1:], true})
		}
	}
	return all
}

// Initializer says how the first kernels are drawn. Biases start at 0.
type Initializer string

const (
	// GlorotUniform is uniform within sqrt(6 / (fan in + fan out)), Keras's default.
	GlorotUniform Initializer = "glorot"
	// HeUniform is uniform within sqrt(6 / fan in), designed for rectifiers (Keras's he_uniform).
	HeUniform Initializer = "he"
)

// Initial draws weights for the network. They depend only on the network, the initializer and the
// seed.
func (n Network) Initial(initializer Initializer, seed uint64) (weights.Set, error) {
	set := weights.Set{Tensors: map[string]weights.Tensor{}}
	for i, p := range n.parameters() {
		values := make([]float32, product(p.shape))
		if !p.bias {
			// Keras's fans: the receptive field times the channels.
			field := product(p.shape[:len(p.shape)-2])
			in, out := field*p.shape[len(p.shape)-2], field*p.shape[len(p.shape)-1]
			var limit float64
			switch initializer {
			case GlorotUniform, "":
				limit = math.Sqrt(6 / float64(in+out))
			case HeUniform:
				limit = math.Sqrt(6 / float64(in))
			default:
				return weights.Set{}, fmt.Errorf("training: unknown initializer %q: use glorot or he", initializer)
			}
			random := rand.New(rand.NewPCG(seed, uint64(i)))
			for k := range values {
				values[k] = float32(limit * (2*random.Float64() - 1))
			}
		}
		set.Tensors[p.name] = weights.Float32Tensor(p.shape, values)
	}
	return set, nil
}

func product(shape []int) int {
	size := 1
	for _, d := range shape {
		size *= d
	}
	return size
}

func int64s(shape []int) []int64 {
	wide := make([]int64, len(shape))
	for i, d := range shape {
		wide[i] = int64(d)
	}
	return wide
}
