package inference

import (
	"cmp"
	"errors"
	"fmt"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"fovea/preprocessing"
	"fovea/recipe"
)

// Layer is an output of a graph that can be requested.
type Layer struct {
	// Name is the layer's name, such as "block4_conv3" or "fc7".
	Name string
	// Aliases are further names that it can be requested by.
	Aliases []string
	// Output is the tensor, with the batch as its first dimension: floating-point numbers of any
	// precision, which an Extractor returns as float32.
	Output tf.Output
	// Shape is that of one image: height, width, channels; tokens, channels; or units alone.
	Shape []int
	// Least is the height and width in pixels of the smallest image that the layer can be computed
	// of, in models whose input may have any size.
	Least int
}

// Spatial says whether the layer has height and width, and so can be pooled.
func (l Layer) Spatial() bool { return len(l.Shape) == 3 }

// Tokens says whether the layer is a sequence of tokens, and so can be pooled too.
func (l Layer) Tokens() bool { return len(l.Shape) == 2 }

// Convolutions are a model's convolutions that are not TensorFlow's own.
type Convolutions struct {
	Count  int
	Method string // such as "Winograd" or "AMX"; empty if there are none
}

func (c Convolutions) String() string {
	if c.Count == 0 {
		return "TensorFlow's"
	}
	return fmt.Sprintf("%d by %s", c.Count, c.Method)
}

// Model is a graph with its weights in a session. Close it after use.
type Model struct {
	// Name is the model's name, for people and for the recipe.
	Name string
	// SHA256 is the hex SHA-256 of its weights.
	SHA256 string
	// Preprocessing is how pixels become the model's input; the zero Spec if the model does
	// not say.
	Preprocessing preprocessing.Spec
	// Normalizes says, for people, how the graph itself normalizes pixels, if that was found in it;
	// Unstated says why the preprocessing is unknown, and what it might be.
	Normalizes, Unstated string
	// Device is the device that the session runs on: "cpu" or "gpu:N".
	Device string
	// Precision, Unfused and Unrewritten are those that the session was opened with.
	Precision            Precision
	Unfused, Unrewritten bool

	// Placement is the device that operations added to the graph must be placed on, as
	// SessionConfig.Placement returns it.
	Placement string
	// Convolutions are those computed by package convolution.
	Convolutions Convolutions

	Graph   *tf.Graph
	Session *tf.Session
	// Input takes a batch of float32 images in NHWC order. InputHeight and InputWidth are 0 where
	// any size will do.
	Input                   tf.Output
	InputHeight, InputWidth int
	// SizeChosen says that the size is a choice: the model takes others as well.
	SizeChosen bool
	// Channels is the number of channels of the input, 0 for three.
	Channels int
	// MaxBatch is the largest number of images that the graph computes together, 0 for any.
	MaxBatch int
	// Layers are in the order of computation.
	Layers []Layer
	// Ambiguous are names that might mean several layers, with the names of those, and Hidden
	// are names of what cannot be tapped, with the reason.
	Ambiguous map[string][]string
	Hidden    map[string]string
	// Notes say, for people, what was changed in the graph when it was opened.
	Notes []string
}

// Depth is the number of channels of the input.
func (m *Model) Depth() int { return cmp.Or(m.Channels, 3) }

// Recipe is the model's part of a recipe, without the layers and how images are read.
func (m *Model) Recipe() recipe.Recipe {
	return recipe.Recipe{
		Model:         m.Name,
		ModelSHA256:   m.SHA256,
		Preprocessing: m.Preprocessing,
		InputHeight:   m.InputHeight,
		InputWidth:    m.InputWidth,
		Precision:     string(m.Precision),
		Method:        recipe.MethodOf(string(m.Precision), m.Convolutions.Method),
		Library:       "TensorFlow " + tf.Version(),
	}
}

// Close releases the session and its weights.
func (m *Model) Close() error {
	if err := m.Session.Close(); err != nil {
		return fmt.Errorf("inference: close the session of %s: %w", m.Name, err)
	}
	return nil
}

// NewSession opens a session for a finished graph and says which device it runs on.
func NewSession(graph *tf.Graph, config SessionConfig) (*tf.Session, string, error) {
	options, err := config.Options()
	if err != nil {
		return nil, "", err
	}
	session, err := tf.NewSession(graph, options)
	if err != nil {
		return nil, "", config.openError(err)
	}
	device, err := config.DeviceOf(session)
	if err != nil {
		return nil, "", errors.Join(err, session.Close())
	}
	return session, device, nil
}
