package recipe

import (
	"math"
	"slices"
)

// Instructions name what a processor must have to compute in an Arithmetic.
type Instructions string

// The instructions. Package inference says which of them a machine has.
const (
	AnyCPU     Instructions = ""
	AVX512BF16 Instructions = "AVX512_BF16"
	AVX512VNNI Instructions = "AVX-512 VNNI"
	AVXVNNI    Instructions = "AVX-VNNI"
	// Where float32 has the wider registers of AVX-512, int16 by AVX2 is the slower one.
	AVX2 Instructions = "AVX2 without AVX-512"
	AMX  Instructions = "AMX"
)

// Arithmetic is a way in which models are computed on CPUs: a precision, and a method for it.
type Arithmetic struct {
	// Precision and Method are those of a Recipe.
	Precision, Method string
	// Convolutions is the name that package convolution gives the method, empty if it is TensorFlow's.
	Convolutions string
	Instructions Instructions
	// Averaged and Whole are the published drift: the largest 1 - cosine between VGG16's pool5 in float32
	// and in this arithmetic, over 300 photos, averaged over positions and whole. 0 means that it was not
	// measured.
	Averaged, Whole float64
	// Speed is that of the whole command, relative to float32 on the same CPU, or on one that has no better
	// instructions than these.
	Speed float64
	// Experimental marks what could not be run on any machine. It is never chosen automatically.
	Experimental bool
}

// Arithmetics are all ways to compute on CPUs. One more way, with instructions that are known, is one more
// line. Of those with one name, which give the same results by different instructions, a CPU uses the first that
// it can. docs/benchmarks.md says how each was measured.
var Arithmetics = []Arithmetic{
	{Precision: "float32", Convolutions: "Winograd", Speed: 1},
	{Precision: "int16", Method: "Winograd F(4x4)", Convolutions: "Winograd in int16", Instructions: AVX512VNNI, Averaged: 1.1e-6, Whole: 3.5e-6, Speed: 1.54},
	{Precision: "int16", Method: "Winograd F(4x4)", Convolutions: "Winograd in int16", Instructions: AVXVNNI, Averaged: 1.1e-6, Whole: 3.5e-6, Speed: 1.63},
	{Precision: "int16", Method: "Winograd F(4x4)", Convolutions: "Winograd in int16", Instructions: AVX2, Averaged: 1.1e-6, Whole: 3.5e-6, Speed: 1.51},
	{Precision: "bfloat16", Method: "AMX tiles", Convolutions: "AMX", Instructions: AMX, Averaged: 8.7e-5, Whole: 1.3e-4, Speed: 3.3},
	{Precision: "int8", Method: "AMX tiles", Convolutions: "AMX in int8", Instructions: AMX, Speed: 5, Experimental: true},
	{Precision: "bfloat16", Method: "oneDNN", Instructions: AVX512BF16, Averaged: 8.7e-5, Whole: 1.3e-4, Speed: 0.43},
}

// PublishedModel is the SHA-256 of the model of which the drift is published: VGG16's base, which ships with the
// program. Its layers before pool5 drift less than that.
const PublishedModel = "86564d42870377470e97f2da665d5dfec2f01a5774d49f2434156eae9d8bc47f"

// Published says whether the drift of a model's layers is that of Arithmetics. modelSHA256 is a
// Recipe's.
func Published(modelSHA256 string) bool { return modelSHA256 == PublishedModel }

// MethodOf is the method that recipes name for a precision, where package convolution calls it
// convolutions, or "" for TensorFlow's own. The methods of float32 differ by the order of its sums alone, and have
// no name.
func MethodOf(precision, convolutions string) string {
	for _, a := range Arithmetics {
		if a.Precision == precision && a.Convolutions == convolutions {
			return a.Method
		}
	}
	if slices.ContainsFunc(Arithmetics, func(a Arithmetic) bool { return a.Precision == precision && a.Method != "" }) {
		return convolutions
	}
	return ""
}

// Name is "int16 (Winograd F(4x4))".
func (a Arithmetic) Name() string { return name(a.Precision, a.Method) }

func name(precision, method string) string {
	if method == "" {
		return precision
	}
	return precision + " (" + method + ")"
}

// Arithmetic names the recipe's precision and, where there is a choice, its method.
func (r Recipe) Arithmetic() string { return name(r.Precision, r.Method) }

// Experimental says whether the recipe's arithmetic is an experimental one.
func (r Recipe) Experimental() bool {
	return slices.ContainsFunc(Arithmetics, func(a Arithmetic) bool { return a.Experimental && a.Name() == r.Arithmetic() })
}

// MostMixed is the largest drift between features that may be mixed: rows of one dataset, or a head and what it
// is applied to. It is that of the averaged pool5.
const MostMixed = 1e-3

// Mixture bounds how far the same image's features by the two recipes can be apart because of their
// arithmetic, as 1 - cosine of averaged pool5. It is false where that is not known. Of two angles to float32, the
// worst case is their sum; 1 - cosine grows with its square.
func (r Recipe) Mixture(other Recipe) (drift float64, known bool) {
	if r.sameArithmetic(other) {
		return 0, true
	}
	a, knownA := r.Drift()
	b, knownB := other.Drift()
	if !knownA || !knownB {
		return 0, false
	}
	sum := math.Sqrt(a) + math.Sqrt(b)
	return sum * sum, true
}

// sameArithmetic also takes recipes of earlier versions, which have no method, for the same.
func (r Recipe) sameArithmetic(other Recipe) bool {
	return r.Precision == other.Precision && (r.Method == other.Method || r.Method == "" || other.Method == "")
}

// Drift is the recipe's published one, of averaged pool5 as 1 - cosine: the largest of the precision's methods where
// the recipe names none.
func (r Recipe) Drift() (drift float64, known bool) {
	if r.Precision == "float32" {
		return 0, true
	}
	if !Published(r.ModelSHA256) {
		return 0, false
	}
	for _, a := range Arithmetics {
		if a.Precision == r.Precision && (r.Method == "" || a.Method == r.Method) {
			if a.Averaged == 0 || a.Experimental {
				return 0, false
			}
			drift, known = max(drift, a.Averaged), true
		}
	}
	return drift, known
}

// Mixes says whether features by the two recipes, which are otherwise alike, may be mixed in spite of their
// arithmetic.
func (r Recipe) Mixes(other Recipe) bool {
	drift, known := r.Mixture(other)
	return known && drift <= MostMixed
}

// LessExact is the one of two recipes, which may be mixed, whose published drift is larger: r if both are
// alike. A dataset of both is named after it.
func (r Recipe) LessExact(other Recipe) Recipe {
	a, _ := r.Drift()
	b, _ := other.Drift()
	if a < b {
		return other
	}
	return r
}
