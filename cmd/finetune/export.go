package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"os"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/head"
	"fovea/inference"
	"fovea/models"
	"fovea/picture"
	"fovea/pipeline"
	"fovea/servable"
)

type exportOptions struct {
	predict predictOptions
	out     string
}

func newExport(log *cli.LogOptions) *cobra.Command {
	o := exportOptions{predict: predictOptions{log: log}}
	command := &cobra.Command{
		Use:   "export --head HEAD --out DIR [flags] [IMAGES...]",
		Short: "Write head and model as one SavedModel for TensorFlow Serving",
		Long: `Export writes a SavedModel that takes the bytes of JPEG and PNG files and gives
probabilities: decoding, scaling, the head's model and the head are one graph. Its signature
serving_default has the input image_bytes, strings of shape [n], and the outputs probabilities
and classes, of shape [n, classes], and label, of shape [n].

What was written is loaded again and compared with what predict says of IMAGES, which are files,
or of an image made for that. docs/serving.md has the details.`,
		Example: `  finetune export --head cats-vs-dogs.head --out serving/cats-vs-dogs/1 photo.jpg
  tensorflow_model_server --rest_api_port=8501 --model_name=cats-vs-dogs --model_base_path=$PWD/serving/cats-vs-dogs`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, images []string) error { return o.run(images) },
	}
	f := command.Flags()
	f.SortFlags = false
	cli.PathVar(f, &o.predict.head, "head", "", "the head's `FILE` (required)")
	cli.PathVar(f, &o.out, "out", "", "the new directory `DIR` (required); TensorFlow Serving wants its last part to be a number")
	o.predict.modelFlags(f)
	return command
}

func (o *exportOptions) run(images []string) error {
	switch {
	case o.predict.head == "":
		return cli.Usagef("--head HEAD is required")
	case o.out == "":
		return cli.Usagef("--out DIR is required")
	}
	files, err := readImages(images)
	if err != nil {
		return err
	}
	h, err := head.Load(o.predict.head)
	if err != nil {
		return err
	}
	if err := oneSize(h, o.predict.head); err != nil {
		return err
	}
	// Only TensorFlow's own operations are known wherever the SavedModel will be loaded.
	model, err := o.predict.openModel(h, models.Direct)
	if err != nil {
		return err
	}
	defer model.Close()         //nolint:errcheck // the process ends here
	o.predict.session.Batch = 1 // pictures are compared one by one
	extractor, config, err := o.predict.prepare(h, model)
	if err != nil {
		return err
	}
	if model.Precision != inference.Float32 {
		logrus.Warnf("the head was trained in %s; what is exported computes in float32", model.Precision)
	}
	if err := servable.Export(h, extractor, config, o.out); err != nil {
		return err
	}
	return o.compare(h, extractor, config, files)
}

// oneSize refuses heads on features of pictures of any size: what is served takes pictures of
// one size.
func oneSize(h *head.Head, file string) error {
	if picture.Views(h.Recipe.Views).IsDense() {
		return fmt.Errorf("%s was trained on features of the views %s, of which finetune predict alone makes predictions: train one on features of other --views", file, h.Recipe.Views)
	}
	return nil
}

// served is a file with its name.
type served struct {
	name    string
	content []byte
}

// readImages reads the pictures to compare, of which one is made where none is given.
func readImages(names []string) ([]served, error) {
	var files []served
	for _, name := range names {
		file, err := cli.LocalPath(name)
		if err != nil {
			return nil, err
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("cannot open the image: %w", err)
		}
		files = append(files, served{name, content})
	}
	if len(names) > 0 {
		return files, nil
	}
	img := image.NewRGBA(image.Rect(0, 0, 320, 240))
	for y := range 240 {
		for x := range 320 {
			img.SetRGBA(x, y, color.RGBA{R: uint8(x * 4 / 5), G: uint8(y), B: uint8(x * y / 300), A: 255})
		}
	}
	var out bytes.Buffer
	err := jpeg.Encode(&out, img, nil)
	return []served{{"a made image", out.Bytes()}}, err
}

// notable is a difference of probabilities that rounding does not explain.
const notable = 0.01

// compare loads what was written and compares it with what predict says.
func (o *exportOptions) compare(h *head.Head, extractor *inference.Extractor, config pipeline.Config, files []served) error {
	s, err := servable.Open(o.out, inference.SessionConfig{Device: o.predict.session.Device})
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // the process ends here
	worst, compared, different := 0.0, 0, 0
	for _, f := range files {
		want, err := predictOne(h, extractor, config, f.content)
		if err != nil {
			logrus.Warnf("%s: %v", f.name, err)
			different++
			continue
		}
		got, _, _, err := s.Predict([][]byte{f.content})
		if err != nil {
			logrus.Warnf("%s: predict can read it, the SavedModel cannot: %v", f.name, err)
			different++
			continue
		}
		own := 0.0
		for c, p := range want {
			own = max(own, math.Abs(p-float64(got[0][c])))
		}
		if compared++; own > notable {
			different++
			logrus.Warnf("%s: probabilities differ from predict's by %.3f; docs/serving.md says why that can be", f.name, own)
		}
		worst = max(worst, own)
	}
	fmt.Printf("model        %s\n", o.out)
	fmt.Printf("signature    %s: %s [n] to %s and %s [n, %d], %s [n]\n", servable.Signature, servable.Input, servable.Probabilities, servable.ClassNames, len(h.Classes), servable.Label)
	fmt.Printf("compared     %d images, probabilities differ from predict's by at most %.2g\n", compared, worst)
	if different > 0 {
		return cli.ErrPartly
	}
	return nil
}

// predictOne is what predict says of a file.
func predictOne(h *head.Head, extractor *inference.Extractor, config pipeline.Config, content []byte) ([]float64, error) {
	p, err := picture.Decode(content, config.Picture)
	if err != nil {
		return nil, err
	}
	pixels := make([]float32, len(p.Pix)/3*config.Preprocessing.Depth())
	config.Preprocessing.Apply(pixels, p.Pix)
	features, err := pipeline.OverViews(extractor, config.Picture.Views.Count()).Extract(pixels, 1)
	if err != nil {
		return nil, err
	}
	x, err := h.Join(features, 1)
	if err != nil {
		return nil, err
	}
	probabilities, err := h.Probabilities(x)
	if err != nil {
		return nil, err
	}
	return probabilities[0], nil
}
