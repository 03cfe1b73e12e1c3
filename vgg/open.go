package vgg

import (
	"cmp"
	"errors"
	"fmt"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"fovea/inference"
	"fovea/vgg/weights"
)

// Options say how a configuration is opened.
type Options struct {
	Session inference.SessionConfig
	// Dense opens it for images of any size, the way the paper evaluates its networks (Simonyan and Zisserman 2015,
	// section 3.2): the dense layers become convolutions, 7x7 for the first and 1x1 for the others, that are applied to
	// the whole image. Each layer is averaged over all positions of the image, so that it is a vector of the layer's
	// channels or units whatever the image's size; softmax is that of the averaged class scores. The model's InputHeight
	// and InputWidth are 0. There is no flatten.
	Dense bool
	// Unassigned are tensors whose variables get no value, because the caller replaces all that reads them: a Run that
	// needs one fails.
	Unassigned map[string]bool
	// Unrewritten, if set, chooses that of the session's configuration once the layers are known.
	Unrewritten func(layers []inference.Layer) bool
}

// Open is OpenWith for images of the size that the configuration was trained on.
func Open(c Configuration, set weights.Set, config inference.SessionConfig) (*inference.Model, error) {
	return OpenWith(c, set, Options{Session: config})
}

// OpenWith builds the graph of a configuration and loads the weights into it. The top layers exist when
// the weights have them. Weights that lack a tensor, have one too many, or one of a wrong shape are
// refused with the tensor's name.
func OpenWith(c Configuration, set weights.Set, options Options) (*inference.Model, error) {
	config := options.Session
	b := &builder{anySize: options.Dense, placement: config.Placement(), unassigned: options.Unassigned}
	b.bfloat16 = config.Precision == inference.BFloat16 && !options.Dense
	wanted, err := Preprocessing(set)
	if err != nil {
		return nil, err
	}
	layers, err := c.graph(set, b)
	if err != nil {
		return nil, err
	}
	graph, err := b.root.Finalize()
	if err != nil {
		return nil, fmt.Errorf("vgg: build the graph of %s: %w", c.Name, err)
	}
	if options.Unrewritten != nil {
		config.Unrewritten = options.Unrewritten(layers)
	}
	session, device, err := b.load(c.Name, graph, set, config)
	if err != nil {
		return nil, err
	}
	return &inference.Model{
		Name:          c.Name,
		SHA256:        set.SHA256,
		Preprocessing: wanted,
		Device:        device,
		Precision:     cmp.Or(config.Precision, inference.Float32),
		Unrewritten:   config.Unrewritten,
		Placement:     config.Placement(),
		Graph:         graph,
		Session:       session,
		Input:         b.input,
		InputHeight:   b.inputSize(),
		InputWidth:    b.inputSize(),
		Layers:        layers,
	}, nil
}

// load opens a session of the graph and puts the weights into it.
func (b *builder) load(name string, graph *tf.Graph, set weights.Set, config inference.SessionConfig) (session *tf.Session, device string, err error) {
	if session, device, err = inference.NewSession(graph, config); err != nil {
		return nil, "", fmt.Errorf("vgg: open %s: %w", name, err)
	}
	if err := b.assign(session, set); err != nil {
		return nil, "", errors.Join(fmt.Errorf("vgg: load the weights of %s: %w", name, err), session.Close())
	}
	return session, device, nil
}
