package servable

import (
	"fmt"

	functionpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"

	"fovea/picture"
)

// Names of the functions that decode PNGs of 16 bits in a range.
const (
	decodeDeep    = "fovea_decode_deep"
	decodeByDepth = "fovea_decode_by_depth"
)

// sixteenBits is a PNG with 16 bits a sample; \C is any byte.
const sixteenBits = `\CPNG\C{20}\x10\C*`

// keepsHighByte tells whether a range keeps the high byte of 16 bits, as DecodePng does by itself.
func keepsHighByte(r picture.Range) bool {
	return r == "" || r == picture.RangeAuto || r == picture.RangeFull
}

// checkRange refuses the ranges that are not computed in the graph, and bands.
func checkRange(o picture.Options) error {
	r := o.Range
	if o.Bands != "" {
		return fmt.Errorf("servable: features of --bands %s cannot be exported, because TensorFlow reads no TIFFs: train the head on features without --bands, or use finetune serve", o.Bands)
	}
	if _, _, fixed := r.Fixed(); keepsHighByte(r) || fixed || r == picture.RangeMinMax {
		return nil
	}
	return fmt.Errorf("servable: features of --range %s cannot be exported: train the head on features of another range than percentiles, or use finetune serve", r)
}

// depthDecoders are the functions that decode what is no JPEG where a range is asked for: PNGs of 16 bits in that
// range, and all others as without one.
func depthDecoders(o picture.Options, suffix string) []*functionpb.FunctionDef {
	if keepsHighByte(o.Range) {
		return nil
	}
	n := &nodes{function: true, device: host}
	deep := n.add("StaticRegexFullMatch", "", []string{"file"}, attributes{"pattern": text(sixteenBits)})
	pixels := n.branch(deep, "file", decodeDeep+suffix, decodeOther+suffix)
	byDepth := n.define(decodeByDepth+suffix, []argument{{"file", stringType}}, []argument{{"pixels", uint8Type}}, map[string]string{"pixels": pixels})
	return []*functionpb.FunctionDef{byDepth, deepDecoder(o, suffix)}
}

func deepDecoder(o picture.Options, suffix string) *functionpb.FunctionDef {
	n := &nodes{function: true, device: host}
	colour, blended := o.Background.Colour()
	channels := 3
	if blended {
		channels = 4
	}
	image := n.add("DecodePng", "", []string{"file"}, attributes{"channels": integer(channels), "dtype": typeOf(uint16Type)})
	part := func(first, count int) string {
		return n.add("Slice", "", []string{image, n.wholes(0, 0, first), n.wholes(-1, -1, count)}, attributes{"T": typeOf(uint16Type), "Index": typeOf(int32Type)})
	}
	pixels := n.inRange(n.cast(uint16Type, float64Type, part(0, 3)), o.Range)
	if blended {
		opacity := n.binary("RightShift", int32Type, n.cast(uint16Type, int32Type, part(3, 1)), n.whole(8))
		pixels = n.over(pixels, opacity, colour)
	}
	return n.define(decodeDeep+suffix, []argument{{"file", stringType}}, []argument{{"pixels", uint8Type}}, map[string]string{"pixels": pixels})
}

// inRange makes bytes of samples with the arithmetic of package picture.
func (n *nodes) inRange(samples string, r picture.Range) string {
	low, high := "", ""
	if a, b, fixed := r.Fixed(); fixed {
		low, high = n.double(a), n.double(b)
	} else {
		over := func(operation string) string {
			return n.add(operation, "", []string{samples, n.wholes(0, 1, 2)}, attributes{"T": typeOf(float64Type), "Tidx": typeOf(int32Type), "keep_dims": boolean(false)})
		}
		low, high = over("Min"), over("Max")
	}
	// An image of one value is black: 0 over anything.
	width := n.binary("Maximum", float64Type, n.binary("Sub", float64Type, high, low), n.double(1e-300))
	part := n.binary("RealDiv", float64Type, n.binary("Sub", float64Type, samples, low), width)
	scaled := n.binary("Mul", float64Type, part, n.double(255))
	clipped := n.add("ClipByValue", "", []string{scaled, n.double(0), n.double(255)}, attributes{"T": typeOf(float64Type)})
	return n.cast(float64Type, uint8Type, n.add("Rint", "", []string{clipped}, attributes{"T": typeOf(float64Type)}))
}
