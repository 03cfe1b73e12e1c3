package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// weights is the file that is compiled into the programs, from the root of the tree.
const weights = "vgg/imagenet/vgg16-conv-float16.safetensors"

// describeFile describes a file of the package by its checksum.
func describeFile(stage, name string) (cdx.Component, error) {
	relative, err := filepath.Rel(stage, name)
	if err != nil {
		return cdx.Component{}, err
	}
	sum, err := checksum(name)
	if err != nil {
		return cdx.Component{}, err
	}
	return cdx.Component{
		BOMRef: "file:" + filepath.ToSlash(relative), Type: cdx.ComponentTypeFile,
		Name: filepath.ToSlash(relative), Hashes: sha256Hash(sum),
	}, nil
}

func checksum(name string) (string, error) {
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

func sha256Hash(sum string) *[]cdx.Hash {
	return &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: sum}}
}

func license(id string) *cdx.Licenses {
	return &cdx.Licenses{{License: &cdx.License{ID: id}}}
}

// describeEmbedded describes what is in the programs and is no Go module: the weights, fonts and C code.
func describeEmbedded(stage string, programs []cdx.Component, modules []module) ([]cdx.Component, error) {
	data, err := os.ReadFile(weights)
	if err != nil {
		return nil, err
	}
	for _, c := range programs {
		name := filepath.Join(stage, c.Name)
		program, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if !bytes.Contains(program, data) {
			return nil, fmt.Errorf("%s has not the weights of %s: build it from this tree", name, weights)
		}
	}
	sum := sha256.Sum256(data)
	all := []cdx.Component{{
		BOMRef: "weights:vgg16", Type: cdx.ComponentTypeMachineLearningModel, Name: "VGG16, convolutional base, ImageNet",
		Authors:     &[]cdx.OrganizationalContact{{Name: "K. Simonyan and A. Zisserman, Visual Geometry Group, University of Oxford"}},
		Description: "from Keras's vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5, rounded to float16; in the programs. The checksum is that of " + weights,
		Hashes:      sha256Hash(hex.EncodeToString(sum[:])), Licenses: license("CC-BY-4.0"),
		ExternalReferences: &[]cdx.ExternalReference{{Type: cdx.ERTypeDocumentation, URL: "https://arxiv.org/abs/1409.1556"}},
	}}
	for _, m := range modules {
		switch m.path {
		case "github.com/DataDog/zstd": // has the version of the library that it holds
			version := strings.TrimPrefix(m.version, "v")
			all = append(all, cdx.Component{
				BOMRef: "pkg:generic/zstd@" + version, Type: cdx.ComponentTypeLibrary, Name: "zstd", Version: version,
				PackageURL: "pkg:generic/zstd@" + version, Licenses: license("BSD-3-Clause"), Description: "C code in " + m.path,
			})
		case "codeberg.org/go-fonts/liberation":
			all = append(all, cdx.Component{
				BOMRef: "fonts:liberation", Type: cdx.ComponentTypeData, Name: "Liberation fonts",
				Licenses: license("OFL-1.1"), Description: "fonts in " + m.path,
			})
		}
	}
	return all, nil
}
