package savedmodel

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	core "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"
)

// Names that TensorFlow prescribes.
const (
	graphFile        = "saved_model.pb"
	variablesPrefix  = "variables/variables"
	serveTag         = "serve"
	defaultSignature = "serving_default"
	initSignature    = "__saved_model_init_op"
)

// maxGraphBytes bounds saved_model.pb: protobuf takes no more anyway.
const maxGraphBytes = 2 << 30

// ErrFormat marks a directory that is not a usable SavedModel.
var ErrFormat = errors.New("not a usable SavedModel")

// readMetaGraph parses the graph for serving out of saved_model.pb, and gives the beginning of the
// model's hash.
func readMetaGraph(dir string) (*core.MetaGraphDef, hash.Hash, error) {
	file := filepath.Join(dir, graphFile)
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("savedmodel: %s: %w: it has no %s; give the directory that holds it", dir, ErrFormat, graphFile)
	} else if err != nil {
		return nil, nil, fmt.Errorf("savedmodel: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("savedmodel: %s: %w: it is not a file", file, ErrFormat)
	}
	if info.Size() > maxGraphBytes {
		return nil, nil, fmt.Errorf("savedmodel: %s: %w: %d bytes are too many for a graph", file, ErrFormat, info.Size())
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, fmt.Errorf("savedmodel: %w", err)
	}
	meta, err := parseMetaGraph(data)
	if err != nil {
		return nil, nil, fmt.Errorf("savedmodel: %s: %w", file, err)
	}
	return meta, beginHash(data), nil
}

// parseMetaGraph drops fields that the binding does not know: what has not been read must not reach
// TensorFlow.
func parseMetaGraph(data []byte) (*core.MetaGraphDef, error) {
	model := new(core.SavedModel)
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, model); err != nil {
		return nil, fmt.Errorf("%w: it is damaged or truncated: %w", ErrFormat, err)
	}
	return chooseMetaGraph(model.GetMetaGraphs())
}

// chooseMetaGraph finds the graph for serving: one with the tag serve alone takes precedence over
// one that is also for some accelerator, and that over a module of TensorFlow 1's Hub, which has no
// tags.
func chooseMetaGraph(metas []*core.MetaGraphDef) (*core.MetaGraphDef, error) {
	var serving, untagged *core.MetaGraphDef
	var others []string
	for _, meta := range metas {
		tags := meta.GetMetaInfoDef().GetTags()
		switch {
		case slices.Equal(tags, []string{serveTag}):
			return meta, nil
		case slices.Contains(tags, serveTag) && serving == nil:
			serving = meta
		case len(tags) == 0 && meta.GetMetaInfoDef() != nil && untagged == nil:
			untagged = meta
		}
		others = append(others, fmt.Sprintf("{%s}", strings.Join(tags, ", ")))
	}
	switch {
	case serving != nil:
		return serving, nil
	case untagged != nil:
		return untagged, nil
	case len(metas) == 0:
		return nil, fmt.Errorf("%w: it holds no graph: is it truncated?", ErrFormat)
	}
	return nil, fmt.Errorf("%w: no graph has the tag %q or no tag at all, only %s: export the model for serving", ErrFormat, serveTag, strings.Join(others, ", "))
}

// checkVariables detects missing shards of the checkpoint: TensorFlow loads a model without them
// and fails much later.
func checkVariables(dir string, meta *core.MetaGraphDef) error {
	if !hasVariables(meta) {
		return nil
	}
	prefix := filepath.Join(dir, filepath.FromSlash(variablesPrefix))
	if info, err := os.Stat(prefix + ".index"); err != nil || !info.Mode().IsRegular() {
		return fmt.Errorf("savedmodel: %s: %w: its variables are missing (%s.index): copy the whole directory", dir, ErrFormat, variablesPrefix)
	}
	shards, err := filepath.Glob(escapeGlob(prefix) + ".data-*-of-*")
	if err != nil || len(shards) == 0 {
		return fmt.Errorf("savedmodel: %s: %w: its variables are missing (%s.data-*): copy the whole directory", dir, ErrFormat, variablesPrefix)
	}
	for _, shard := range shards {
		if info, err := os.Stat(shard); err != nil || !info.Mode().IsRegular() {
			return fmt.Errorf("savedmodel: %s: %w: it is not a file", shard, ErrFormat)
		}
	}
	var total int
	if _, err := fmt.Sscanf(shards[0][strings.LastIndex(shards[0], "-of-"):], "-of-%d", &total); err != nil || total != len(shards) {
		return fmt.Errorf("savedmodel: %s: %w: only %d of %d shards of its variables exist: copy the whole directory", dir, ErrFormat, len(shards), total)
	}
	return nil
}

func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

func hasVariables(meta *core.MetaGraphDef) bool {
	for _, node := range meta.GetGraphDef().GetNode() {
		switch node.GetOp() {
		case "VarHandleOp", "VariableV2", "Variable":
			return true
		}
	}
	return false
}

// ErrSignature marks a SavedModel with several signatures when none, or an unknown one, was
// chosen.
var ErrSignature = errors.New("choose one of its signatures")

// chooseSignature finds the named signature; without a name, the default or only one.
func chooseSignature(meta *core.MetaGraphDef, name string) (string, *core.SignatureDef, error) {
	signatures := maps.Clone(meta.GetSignatureDef())
	delete(signatures, initSignature)
	names := slices.Sorted(maps.Keys(signatures))
	switch {
	case len(names) == 0:
		return "", nil, fmt.Errorf("%w: it has no signature: export it with one", ErrFormat)
	case name != "" && signatures[name] == nil:
		return "", nil, fmt.Errorf("there is no signature %q: %w, as DIR:NAME: %s", name, ErrSignature, strings.Join(names, ", "))
	case name == "" && signatures[defaultSignature] != nil:
		name = defaultSignature
	case name == "" && len(names) == 1:
		name = names[0]
	case name == "":
		return "", nil, fmt.Errorf("%w, as DIR:NAME: %s", ErrSignature, strings.Join(names, ", "))
	}
	return name, signatures[name], nil
}

// SHA256 is that of the model in dir, as Open gives it, without loading it.
func SHA256(dir string) (string, error) {
	_, sum, err := readMetaGraph(dir)
	if err != nil {
		return "", err
	}
	return endHash(context.Background(), sum, dir)
}

// beginHash starts a model's hash with the graph that was read: the file may have changed since.
func beginHash(graph []byte) hash.Hash {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\x00", graphFile)
	sum.Write(graph)
	return sum
}

// digest is a model's hash while it is computed beside other work. Whoever begins one waits for it or abandons it.
type digest struct {
	stop context.CancelFunc
	done chan struct{}
	sum  string
	err  error
}

func beginDigest(sum hash.Hash, dir string) *digest {
	ctx, stop := context.WithCancel(context.Background())
	d := &digest{stop: stop, done: make(chan struct{})}
	go func() {
		defer close(d.done)
		d.sum, d.err = endHash(ctx, sum, dir)
	}()
	return d
}

func (d *digest) wait() (string, error) {
	<-d.done
	return d.sum, d.err
}

// abandon ends the computation, if it goes on.
func (d *digest) abandon() {
	d.stop()
	<-d.done
}

// endHash is the hex SHA-256 over the graph and the variables, by file name and content.
func endHash(ctx context.Context, sum hash.Hash, dir string) (string, error) {
	files, err := filepath.Glob(escapeGlob(filepath.Join(dir, filepath.FromSlash(variablesPrefix))) + ".*")
	if err != nil {
		return "", fmt.Errorf("savedmodel: %w", err)
	}
	buffer := make([]byte, 1<<20)
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			return "", fmt.Errorf("savedmodel: %w", err)
		}
		fmt.Fprintf(sum, "%s\x00", filepath.Base(file))
		_, err = io.CopyBuffer(sum, stoppable{ctx, f}, buffer)
		if err = errors.Join(err, f.Close()); err != nil {
			return "", fmt.Errorf("savedmodel: hash %s: %w", file, err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// stoppable reads until its context ends.
type stoppable struct {
	ctx context.Context
	io.Reader
}

func (s stoppable) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.Reader.Read(p)
}
