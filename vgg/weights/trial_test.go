package weights

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"fovea/internal/trials"
)

// trialSeeds are files of each format, made by the programs that write it.
var trialSeeds = map[string][]string{
	"safetensors": {"types.safetensors"},
	"hdf5":        {"keras.h5", "model.weights.h5"},
	"keras":       {"model.keras"},
	"npz":         {"arrays.npz", "types.npz", "bfloat16.npz", "types_zip64.npz"},
	"torch":       {"torch.pth", "state_dict.pth", "evil.pth"},
	"legacytorch": {"torch_legacy.pth"},
	"npy":         {"published/machrisaa.npy", "published/nested.npy", "published/python2.npy"},
	"paddle":      {"published/protocol2.pdparams", "published/protocol4.pdparams", "published/protocol5.pdparams"},
	"caffe":       {"published/v1.caffemodel", "published/v2.caffemodel"},
	"matconvnet":  {"published/simplenn.mat", "published/dagnn.mat", "published/old.mat", "published/sparse.mat"},
	"mxnet":       {"published/v2.params", "published/mixed.params", "mxnet/saved.params"},
	"onnx":        {"onnx/torch.onnx", "onnx/keras.onnx", "onnx/external.onnx", "onnx/normalize.onnx", "onnx/float16_field.onnx", "tf2onnx/bgr.onnx"},
	"checkpoint1": {"checkpoints/v1.ckpt", "checkpoints/partitioned1"},
	"checkpoint2": {"checkpoints/v2.ckpt.index", "checkpoints/objects.index", "checkpoints/keras.index", "checkpoints/bfloat16.ckpt.index"},
}

// No change of a file ends the program, stalls it or makes it take gigabytes; the reader gives tensors that hold together or
// an error that names the file.
func TestTrials(t *testing.T) {
	for format, names := range trialSeeds {
		t.Run(format, func(t *testing.T) {
			var seeds []trials.Seed
			for _, name := range names {
				seed := trials.Seed{File: filepath.Join(files, name)}
				switch format {
				case "checkpoint2":
					shards, err := filepath.Glob(strings.TrimSuffix(seed.File, indexSuffix) + ".data-*")
					if err != nil {
						t.Fatal(err)
					}
					seed.Beside, seed.Fix = shards, sumBlocks
				case "checkpoint1":
					seed.Fix = sumBlocks
				case "onnx":
					if strings.HasSuffix(name, "external.onnx") {
						seed.Beside = []string{filepath.Join(files, "onnx", "external.bin")}
					}
				}
				seeds = append(seeds, seed)
			}
			trials.Run(t, seeds, func(file string) error {
				set, err := Read(file)
				if err != nil {
					return err
				}
				for name, tensor := range set.Tensors {
					if err := tensor.check(); err != nil {
						panic(fmt.Sprintf("tensor %s does not hold together: %v", name, err))
					}
				}
				return nil
			})
		})
	}
}

// sumBlocks makes the checksums of a table's blocks right, as far as its parts can be found.
func sumBlocks(data []byte) []byte {
	if len(data) < sstableFooter {
		return data
	}
	_, rest, err := blockHandle(data[len(data)-sstableFooter:])
	if err != nil {
		return data
	}
	index, _, err := blockHandle(rest)
	if err != nil || !sumBlock(data, index) {
		return data
	}
	block, err := sstableBlock(data, index, maxIndexBlock, nil)
	if err != nil {
		return data
	}
	_ = blockEntries(block, func(_, value []byte) error { // what is damaged stays as it is
		if at, _, err := blockHandle(value); err == nil {
			sumBlock(data, at)
		}
		return nil
	})
	return data
}

func sumBlock(data []byte, at handle) bool {
	size := uint64(len(data))
	if at.offset > size || at.length > size-at.offset || size-at.offset-at.length < sstableTrailer {
		return false
	}
	end := at.offset + at.length
	binary.LittleEndian.PutUint32(data[end+1:], maskedCRC(data[at.offset:end], data[end:end+1]))
	return true
}
