package weights

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fovea/internal/lazy"
)

// A TensorFlow checkpoint is given the way its users do: by the prefix of its files (which is
// itself no file's name), by one of the files, or by the directory.

const (
	indexSuffix = ".index"
	// checkpointFile is a text file in the checkpoint's directory that names the latest one.
	checkpointFile = "checkpoint"
)

var (
	shardSuffix    = lazy.Regexp(`\.data-\d{5}-of-\d{5}$`)
	latestInFolder = lazy.Regexp(`(?m)^model_checkpoint_path:\s*"([^"]+)"`)
)

// checkpointPrefix is the prefix of the checkpoint that a name stands for, "" if none.
func checkpointPrefix(name string) (string, error) {
	prefix := shardSuffix().ReplaceAllString(strings.TrimSuffix(name, indexSuffix), "")
	if _, err := os.Stat(prefix + indexSuffix); err == nil {
		return prefix, nil
	}
	if prefix != name && shardSuffix().MatchString(name) {
		if _, err := os.Stat(name); err == nil {
			return "", fmt.Errorf("%w: it is the data of a TensorFlow checkpoint without its index: put %s beside it", ErrFormat, filepath.Base(prefix)+indexSuffix)
		}
	}
	return "", nil
}

// latestCheckpoint follows that text file. Its paths are those of the machine that wrote it; on
// another machine the checkpoint lies beside it.
func latestCheckpoint(file string, text []byte) (string, error) {
	match := latestInFolder().FindSubmatch(text)
	if match == nil {
		return "", fmt.Errorf("%w: it names no checkpoint", ErrFormat)
	}
	beside := filepath.Join(filepath.Dir(file), filepath.Base(string(match[1])))
	for _, candidate := range []string{beside, beside + indexSuffix} {
		if info, err := os.Stat(candidate); err == nil && info.Mode().IsRegular() {
			return candidate, nil
		}
	}
	return "", fmt.Errorf("%w: it is the list of a directory of TensorFlow checkpoints, but %s, which it names, is not beside it: give the checkpoint itself", ErrFormat, filepath.Base(beside)+indexSuffix)
}

// checkpointIn finds the checkpoint of a directory.
func checkpointIn(dir string) (string, error) {
	if text, err := os.ReadFile(filepath.Join(dir, checkpointFile)); err == nil {
		return latestCheckpoint(filepath.Join(dir, checkpointFile), text)
	}
	found, err := filepath.Glob(filepath.Join(escapeGlob(dir), "*"+indexSuffix))
	if err != nil {
		return "", fmt.Errorf("look for checkpoints: %w", err)
	}
	switch len(found) {
	case 0:
		return "", nil
	case 1:
		return found[0], nil
	}
	for i := range found {
		found[i] = strings.TrimSuffix(filepath.Base(found[i]), indexSuffix)
	}
	slices.Sort(found)
	return "", fmt.Errorf("%w: it is a directory of %d TensorFlow checkpoints: give one of them: %s", ErrFormat, len(found), strings.Join(found, ", "))
}

var globMeta = lazy.Regexp(`[*?\[\\]`)

func escapeGlob(path string) string { return globMeta().ReplaceAllString(path, `\$0`) }

// trainersOwn recognizes what a trainer keeps for itself in a checkpoint: the state of its
// optimizer and notes about objects. all are the names of all tensors. The slots of a variable are
// named after it (conv1/weights/Momentum), as no layer's tensor is.
func trainersOwn(name string, all map[string]bool) bool {
	if strings.Contains(name, "/.OPTIMIZER_SLOT/") || strings.HasPrefix(name, "_CHECKPOINTABLE_OBJECT_GRAPH") {
		return true
	}
	parts := strings.Split(name, "/")
	for i, part := range parts[:len(parts)-1] {
		// Keras's optimizer also refers to the network's own weights; a checkpoint has every
		// variable once, under the shortest path to it.
		if part == "optimizer" && parts[i+1] != "_trainable_variables" {
			return true
		}
	}
	if last := parts[len(parts)-1]; last == "beta1_power" || last == "beta2_power" { // of TensorFlow 1's Adam
		return true
	}
	parent := strings.Join(parts[:len(parts)-1], "/")
	return all[parent]
}
