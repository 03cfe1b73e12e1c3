package savedmodel

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	core "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"fovea/internal/swap"
)

// PredictMethod is the kind of signature that TensorFlow Serving answers predict requests with.
const PredictMethod = "tensorflow/serving/predict"

// Parts are what a SavedModel consists of besides its variables.
type Parts struct {
	Graph      *graphpb.GraphDef
	Saver      *core.SaverDef
	Signatures map[string]*core.SignatureDef
	Note       Note
}

// Write makes dir, which must not exist or must be empty, a SavedModel for serving. It calls save
// to write the variables as a checkpoint with the given prefix. The directory gets its name once it
// is complete; of two concurrent exports to one directory, the second is refused.
func Write(dir string, parts Parts, save func(prefix string) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("savedmodel: %w", err)
		}
	}()
	s, err := swap.Begin(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty: export to a new directory", dir)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := parts.write(s.Next, save); err != nil {
		return fmt.Errorf("export to %s: %w", dir, err)
	}
	return s.Commit()
}

func (p Parts) write(dir string, save func(prefix string) error) error {
	prefix, note := filepath.Join(dir, filepath.FromSlash(variablesPrefix)), filepath.Join(dir, filepath.FromSlash(NoteFile))
	for _, file := range []string{prefix, note} {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
	}
	if err := save(prefix); err != nil {
		return err
	}
	named, err := collections(p.Graph, p.Saver)
	if err != nil {
		return err
	}
	// Of the same model the same bytes, by whose SHA-256 features and heads name it.
	model, err := proto.MarshalOptions{Deterministic: true}.Marshal(&core.SavedModel{
		SavedModelSchemaVersion: 1,
		MetaGraphs: []*core.MetaGraphDef{{
			MetaInfoDef:   &core.MetaGraphDef_MetaInfoDef{Tags: []string{serveTag}, TensorflowVersion: tf.Version()},
			GraphDef:      p.Graph,
			SaverDef:      p.Saver,
			CollectionDef: named,
			SignatureDef:  p.Signatures,
		}},
	})
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(p.Note, "", "  ")
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(filepath.Join(dir, graphFile), model, 0o644), os.WriteFile(note, append(text, '\n'), 0o644))
}
