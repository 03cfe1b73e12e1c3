package savedmodel

import (
	"fmt"

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
		return fmt.Errorf("savedmodel: %s: %w: %w", l.dir, ErrFormat, err)
	}
	return nil
}

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
	feed := func(name, file string) error {
		output, err := l.output(name)
		if err != nil {
			return err
		}
		feeds[output], err = tf.NewTensor(file)
		return err
	}
	for name, file := range l.program.assets {
		if !l.program.loading[parseTensor(name).node] {
			continue
		}
		if err := feed(name, file); err != nil {
			return fmt.Errorf("feed its asset %s: %w", file, err)
		}
	}
	run := func(what, node string) error {
		if node == "" {
			return nil
		}
		if _, err := l.loaded.Session.Run(feeds, nil, []*tf.Operation{l.loaded.Graph.Operation(node)}); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		return nil
	}
	switch {
	case l.program.keys != nil:
		if err := l.restoreVariables(); err != nil {
			return fmt.Errorf("restore its variables: %w", err)
		}
	case l.program.restore != "":
		if err := feed(l.program.checkpoint, l.checkpoint()); err != nil {
			return err
		}
		if err := run("restore its variables", l.program.restore); err != nil {
			return err
		}
		if output, err := l.output(l.program.checkpoint); err == nil {
			delete(feeds, output)
		}
	}
	return run("initialize it", l.program.initialize)
}
