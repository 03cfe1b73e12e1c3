package vgg_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/inference"
	"fovea/preprocessing"
	"fovea/savedmodel"
	"fovea/vgg"
	"fovea/vgg/imagenet"
)

// What is exported gives, when loaded as any SavedModel is, the same features to the bit.
func TestExport(t *testing.T) {
	if testing.Short() {
		t.Skip("writes and runs whole networks")
	}
	set, err := imagenet.VGG16()
	if err != nil {
		t.Fatal(err)
	}
	c, err := vgg.ByName("vgg16")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "model")
	if err := vgg.Export(c, set, dir); err != nil {
		t.Fatal(err)
	}
	if err := vgg.Export(c, set, dir); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("exporting over a model gives %v", err)
	}
	loaded, err := savedmodel.Open(dir, savedmodel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer loaded.Close()
	if loaded.Preprocessing != preprocessing.Caffe {
		t.Errorf("preprocessing is %q", loaded.Preprocessing)
	}
	layers := []string{"block3_conv3", "pool5"}
	numbers := pixels(t, filepath.Join(goldenDir, "cat.1.png"))
	var features [2][][]float32
	for i, model := range []*inference.Model{openVGG16(t), loaded} {
		extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: layers, Batch: 1})
		if err != nil {
			t.Fatal(err)
		}
		if features[i], err = extractor.Extract(numbers, 1); err != nil {
			t.Fatal(err)
		}
	}
	for l, name := range layers {
		if !slices.Equal(features[0][l], features[1][l]) {
			t.Errorf("layer %s of the exported model differs", name)
		}
	}
	pythonLoads(t, dir)
}

// pythonLoads checks the exported model in Python's TensorFlow, where there is one.
func pythonLoads(t *testing.T, dir string) {
	t.Helper()
	python := os.Getenv("FOVEA_PYTHON_TENSORFLOW")
	if python == "" {
		t.Log("FOVEA_PYTHON_TENSORFLOW names no Python with tensorflow, numpy and pillow: loading there is not tested")
		return
	}
	out, err := exec.Command(python, "../testdata/vgg16/check_export.py", dir).CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// The publishers' names find the layers that they mean, before and after the rectifier.
func TestLayerAliases(t *testing.T) {
	model := openVGG16(t)
	for alias, want := range map[string]string{
		"features.0": "block1_conv1_linear", "features.1": "block1_conv1", "features.4": "block1_pool",
		"features.28": "block5_conv3_linear", "features.29": "block5_conv3", "features.30": "pool5",
		"relu5_3": "block5_conv3", "conv1_2": "block1_conv2", "pool4": "block4_pool", "block5_pool": "pool5",
	} {
		if layer, err := model.Layer(alias); err != nil || layer.Name != want {
			t.Errorf("%s is layer %s, %v; want %s", alias, layer.Name, err, want)
		}
	}
}
