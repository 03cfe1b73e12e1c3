package savedmodel

import (
	"fmt"
	"slices"

	"fovea/inference"
)

// newLoader reads and checks the SavedModel in dir, and loads it.
func newLoader(dir string, options Options) (*loader, error) {
	l, err := prepare(dir, options)
	if err != nil {
		return nil, err
	}
	if err = l.admit(); err == nil {
		err = l.recall()
	}
	if err == nil {
		err = l.load()
	}
	if err != nil {
		l.digest.abandon()
		return nil, err
	}
	return l, nil
}

// admit refuses a program that would do more than compute, unless it is trusted.
func (l *loader) admit() error {
	if len(l.program.impure) > 0 {
		if l.options.Trust == nil {
			return refuse(l.dir, l.program.impure)
		}
		l.options.Trust(l.program.impure)
	}
	return nil
}

// prepare reads and checks the SavedModel in dir as data. It comes before TensorFlow sees the graph,
// which would crash on some of the damage found here and run some of what newProgram finds.
func prepare(dir string, options Options) (*loader, error) {
	meta, sum, err := readMetaGraph(dir)
	if err != nil {
		return nil, err
	}
	completeModule(meta)
	l := &loader{dir: dir, meta: meta, digest: beginDigest(sum, dir), options: options, prefix: flatPrefix}
	err = inference.Load() // for TensorFlow's list of operations
	if err == nil {
		err = l.check()
	}
	if err != nil {
		l.digest.abandon()
		return nil, err
	}
	return l, nil
}

// check reads the model as data.
func (l *loader) check() (err error) {
	dir, meta, options := l.dir, l.meta, l.options
	if l.signature, l.def, err = chooseSignature(meta, options.Signature); err != nil {
		return fmt.Errorf("savedmodel: %s: %w", dir, err)
	}
	if l.input, err = pictureInput(l.def); err != nil {
		return fmt.Errorf("savedmodel: %s: signature %s: %w", dir, l.signature, err)
	}
	if err := checkVariables(dir, meta); err != nil {
		return err
	}
	if l.height, l.width, err = l.input.size(options); err != nil {
		return fmt.Errorf("savedmodel: %s: %w", dir, err)
	}
	l.flat = newFlattener(meta)
	if !l.input.plain() {
		l.flat.replaced = parseTensor(l.input.tensor).node
	}
	if l.outputs, err = l.flat.flatten(outputTensors(l.def)); err != nil {
		return fmt.Errorf("savedmodel: %s: %w", dir, err)
	}
	if err := checkXLA(slices.Concat(l.flat.nodes, meta.GetGraphDef().GetNode())); err != nil {
		return fmt.Errorf("savedmodel: %s: %w", dir, err)
	}
	note, err := readNote(dir)
	if err != nil {
		return err
	}
	l.aliases = note.Aliases
	if l.options.Preprocessing, err = choosePreprocessing(dir, l.input, options.Preprocessing, note); err != nil {
		return err
	}
	if l.program, err = newProgram(dir, meta, l.signature, l.def); err != nil {
		return fmt.Errorf("savedmodel: %s: %w", dir, err)
	}
	return nil
}
