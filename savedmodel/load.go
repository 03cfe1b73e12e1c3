package savedmodel

import (
	"fmt"
	"maps"
	"strings"
	"syscall"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"google.golang.org/protobuf/proto"

	"fovea/inference"
)

// load lets TensorFlow load the program: nothing of the model runs before.
func (l *loader) load() error {
	if l.options.Session.Placement() != "" {
		return fmt.Errorf("savedmodel: %s: a SavedModel uses one GPU per process: start one process per GPU, with --device gpu:0 --shard 0/2 and --device gpu:1 --shard 1/2, and join their datasets with extract dataset merge", l.dir)
	}
	graph, err := l.importGraph(true)
	if err != nil {
		return err
	}
	l.options.Session.ChannelsLast = l.channelsFirst()
	session, device, err := inference.NewSession(graph, l.options.Session)
	if err != nil {
		return fmt.Errorf("savedmodel: %s: %w", l.dir, err)
	}
	l.loaded, l.device = &tf.SavedModel{Session: session, Graph: graph}, device
	if err := l.initialize(); err != nil {
		_ = session.Close() // the error at hand matters more
		return fmt.Errorf("savedmodel: %s: %w", l.dir, ofMachine(err))
	}
	return nil
}

// ofMachine wraps TensorFlow's error as ErrFormat, unless what the machine lacks is to blame and not the model: that it tells
// in the system's words alone.
func ofMachine(err error) error {
	said := strings.ToLower(err.Error())
	for _, lack := range []syscall.Errno{syscall.ENFILE, syscall.EMFILE, syscall.ENOMEM, syscall.EIO} {
		if strings.Contains(said, lack.Error()) {
			return machineError{err, lack}
		}
	}
	return fmt.Errorf("%w: %w", ErrFormat, err)
}

// machineError is an error whose text tells of what the machine lacks.
type machineError struct {
	error
	lack syscall.Errno
}

func (e machineError) Unwrap() []error { return []error{e.error, e.lack} }

// importGraph makes a graph of TensorFlow's of the program, which is not run yet.
func (l *loader) importGraph(loading bool) (*tf.Graph, error) {
	definition, err := l.graph(loading)
	if err != nil {
		return nil, fmt.Errorf("savedmodel: %s: %w", l.dir, err)
	}
	encoded, err := proto.Marshal(definition)
	if err != nil {
		return nil, fmt.Errorf("savedmodel: %s: encode its graph: %w", l.dir, err)
	}
	if err := inference.Load(); err != nil {
		return nil, fmt.Errorf("savedmodel: %s: %w", l.dir, err)
	}
	graph := tf.NewGraph()
	if err := graph.Import(encoded, ""); err != nil {
		return nil, fmt.Errorf("savedmodel: %s: %w: %w", l.dir, ErrFormat, err)
	}
	return graph, nil
}

// initialize restores the variables and fills the tables, as TensorFlow's own loader does.
func (l *loader) initialize() error {
	feeds := map[tf.Output]*tf.Tensor{}
	for name, file := range l.program.assets {
		if !l.program.loading[parseTensor(name).node] {
			continue
		}
		if err := l.feed(feeds, name, file); err != nil {
			return fmt.Errorf("feed its asset %s: %w", file, err)
		}
	}
	if err := l.fillVariables(feeds); err != nil {
		return err
	}
	if l.program.initialize == "" {
		return nil
	}
	if err := l.runNode(feeds, l.program.initialize); err != nil {
		return fmt.Errorf("initialize it: %w", err)
	}
	return nil
}

// fillVariables gives the variables their values, directly if the checkpoint's keys are known, else by the model's own
// nodes.
func (l *loader) fillVariables(feeds map[tf.Output]*tf.Tensor) error {
	if l.program.keys != nil {
		if err := l.restoreVariables(); err != nil {
			return fmt.Errorf("restore its variables: %w", err)
		}
		return nil
	}
	if l.program.restore == "" {
		return nil
	}
	feeds = maps.Clone(feeds)
	if err := l.feed(feeds, l.program.checkpoint, l.checkpoint()); err != nil {
		return err
	}
	if err := l.runNode(feeds, l.program.restore); err != nil {
		return fmt.Errorf("restore its variables: %w", err)
	}
	return nil
}

// feed adds a tensor with the name of a file.
func (l *loader) feed(feeds map[tf.Output]*tf.Tensor, name, file string) error {
	output, err := l.output(name)
	if err != nil {
		return err
	}
	feeds[output], err = tf.NewTensor(file)
	return err
}

func (l *loader) runNode(feeds map[tf.Output]*tf.Tensor, node string) error {
	_, err := l.loaded.Session.Run(feeds, nil, []*tf.Operation{l.loaded.Graph.Operation(node)})
	return err
}
