package finetuning

import (
	"context"

	"fovea/pipeline"
	"fovea/preprocessing"
)

// pixelSink takes decoded images in their order.
type pixelSink interface {
	// Append takes an image's RGB pixels, row by row; they are valid during the call only.
	Append(row pipeline.Row, pixels []uint8) error
	// Fail takes an image that cannot be read.
	Fail(f pipeline.Failure) error
}

// decodePixels decodes images to pixels of the config's size.
func decodePixels(ctx context.Context, items []pipeline.Item, config pipeline.Config, sink pixelSink) (pipeline.Stats, error) {
	config.Preprocessing = preprocessing.None
	return pipeline.Run(ctx, items, passPixels{}, rowPixels{sink}, config)
}

// passPixels is an extractor whose features are the pixels themselves, each a whole number.
type passPixels struct{}

func (passPixels) BatchSize() int { return 8 }

func (passPixels) Extract(pixels []float32, _ int) ([][]float32, error) {
	return [][]float32{append([]float32(nil), pixels...)}, nil // the pipeline reuses its buffers
}

// rowPixels turns such features back into pixels.
type rowPixels struct{ sink pixelSink }

func (s rowPixels) Append(rows []pipeline.Row) error {
	for _, row := range rows {
		pixels := make([]uint8, len(row.Features[0]))
		for i, v := range row.Features[0] {
			pixels[i] = uint8(v)
		}
		if err := s.sink.Append(row, pixels); err != nil {
			return err
		}
	}
	return nil
}

func (s rowPixels) Fail(f pipeline.Failure) error { return s.sink.Fail(f) }
