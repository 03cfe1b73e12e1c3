package recipe

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// computed is a recipe of the model whose drift is published.
func computed(precision, method string) Recipe {
	r := example()
	r.ModelSHA256, r.Precision, r.Method = PublishedModel, precision, method
	return r
}

// The table says of each way all that choosing and mixing need.
func TestArithmeticsAreWhole(t *testing.T) {
	type row struct {
		name         string
		instructions Instructions
	}
	seen, first := map[row]bool{}, map[string]Arithmetic{}
	for _, a := range Arithmetics {
		if seen[row{a.Name(), a.Instructions}] {
			t.Errorf("%s by %s is there twice", a.Name(), a.Instructions)
		}
		seen[row{a.Name(), a.Instructions}] = true
		for _, name := range []string{a.Name(), a.Precision + "/" + a.Convolutions} {
			same, found := first[name]
			same.Instructions, same.Speed, same.Experimental = a.Instructions, a.Speed, a.Experimental
			if found && same != a {
				t.Errorf("%s differs from another row of %s by more than instructions and speed", a.Name(), name)
			}
			first[name] = a
		}
		if a.Speed <= 0 || a.Averaged > a.Whole || (a.Precision == "float32") != (a.Method == "") {
			t.Errorf("%+v", a)
		}
		if measured := a.Averaged > 0; a.Precision != "float32" && measured == a.Experimental {
			t.Errorf("%s is either measured or experimental", a.Name())
		}
		if got := MethodOf(a.Precision, a.Convolutions); got != a.Method {
			t.Errorf("%s: the method is %q", a.Name(), got)
		}
	}
	if got := MethodOf("int16", "something newer"); got != "something newer" {
		t.Errorf("an unknown method is called %q", got)
	}
	if MethodOf("float32", "TensorFlow") != "" || MethodOf("tf32", "") != "" {
		t.Error("a precision without methods has one")
	}
}

// The bound of a mixture holds for the vectors that it is about: no two vectors at those angles to a third one are
// further apart.
func TestMixtureBounds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	bound, known := computed("int16", "Winograd F(4x4)").Mixture(computed("bfloat16", "AMX tiles"))
	if !known || math.Abs(bound-1.08e-4) > 1e-6 { // (sqrt(1.1e-6) + sqrt(8.7e-5))^2
		t.Fatalf("the bound is %g, %t", bound, known)
	}
	const size = 512
	worst := 0.0
	for range 200 {
		exact, direction := make([]float64, size), make([]float64, size)
		for i := range exact {
			exact[i], direction[i] = random.NormFloat64(), random.NormFloat64()
		}
		opposite := turned(exact, direction, -1.1e-6)
		worst = max(worst, 1-cosine(opposite, turned(exact, direction, 8.7e-5)))
	}
	if worst > bound || worst < 0.99*bound {
		t.Errorf("the largest drift is %g, the bound %g", worst, bound)
	}
}

// turned is v, turned so far in a direction that 1 - cosine is drift; a negative drift turns the other way.
func turned(v, direction []float64, drift float64) []float64 {
	along := dot(v, direction) / dot(v, v)
	across := make([]float64, len(v))
	for i := range v {
		across[i] = direction[i] - along*v[i]
	}
	angle := math.Copysign(math.Acos(1-math.Abs(drift)), drift)
	length := math.Sqrt(dot(v, v) / dot(across, across))
	out := make([]float64, len(v))
	for i := range v {
		out[i] = math.Cos(angle)*v[i] + math.Sin(angle)*length*across[i]
	}
	return out
}

func dot(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

func cosine(a, b []float64) float64 { return dot(a, b) / math.Sqrt(dot(a, a)*dot(b, b)) }

// Which arithmetics may be mixed.
func TestMixes(t *testing.T) {
	before := Arithmetics
	t.Cleanup(func() { Arithmetics = before })
	Arithmetics = append(Arithmetics[:len(Arithmetics):len(Arithmetics)],
		Arithmetic{Precision: "int6", Method: "F(2x2)", Convolutions: "int6", Averaged: 7.8e-4, Whole: 4e-3, Speed: 3},
		Arithmetic{Precision: "int4", Method: "untried", Convolutions: "int4", Speed: 5, Experimental: true},
		Arithmetic{Precision: "int6", Method: "calibrated", Convolutions: "other", Averaged: 5e-3, Whole: 2e-2, Speed: 3},
	)
	foreign := func(precision, method string) Recipe {
		r := computed(precision, method)
		r.ModelSHA256 = "another model"
		return r
	}
	for _, c := range []struct {
		a, b         Recipe
		mixes, known bool
	}{
		{computed("float32", ""), computed("int16", "Winograd F(4x4)"), true, true},
		{computed("float32", ""), computed("bfloat16", "AMX tiles"), true, true},
		{computed("bfloat16", "oneDNN"), computed("bfloat16", "AMX tiles"), true, true},
		{computed("bfloat16", ""), computed("bfloat16", "AMX tiles"), true, true}, // of an earlier version
		{computed("float32", ""), computed("int6", "F(2x2)"), true, true},
		{computed("bfloat16", "AMX tiles"), computed("int6", "F(2x2)"), false, true}, // 1.4e-3 apart at worst
		{computed("float32", ""), computed("int6", "calibrated"), false, true},
		{computed("float32", ""), computed("int6", ""), false, true}, // the worse of its methods counts
		{computed("float32", ""), computed("int4", "untried"), false, false},
		{computed("int4", "untried"), computed("int4", "untried"), true, true},
		{computed("float32", ""), computed("tf32", ""), false, false},
		{computed("float32", ""), computed("int16", "of a later version"), false, false},
		{foreign("float32", ""), foreign("int16", "Winograd F(4x4)"), false, false},
		{foreign("bfloat16", "oneDNN"), foreign("bfloat16", "AMX tiles"), false, false},
		{foreign("bfloat16", ""), foreign("bfloat16", "AMX tiles"), true, true},
	} {
		for _, pair := range [][2]Recipe{{c.a, c.b}, {c.b, c.a}} {
			_, known := pair[0].Mixture(pair[1])
			if mixes := pair[0].Mixes(pair[1]); mixes != c.mixes || known != c.known {
				t.Errorf("%s and %s: mixes %t, known %t", pair[0].Arithmetic(), pair[1].Arithmetic(), mixes, known)
			}
			for _, d := range pair[0].Compare(pair[1]) {
				if d.Minor != (c.mixes || !c.known) {
					t.Errorf("%s: minor %t", d, d.Minor)
				}
			}
		}
	}
	small, whole := computed("float32", ""), computed("bfloat16", "AMX tiles")
	if small.LessExact(whole).Precision != "bfloat16" || whole.LessExact(small).Precision != "bfloat16" {
		t.Error("the less exact one is float32")
	}
}

func ExampleRecipe_Mixture() {
	dataset := Recipe{ModelSHA256: PublishedModel, Precision: "float32"}
	now := Recipe{ModelSHA256: PublishedModel, Precision: "int16", Method: "Winograd F(4x4)"}
	drift, known := dataset.Mixture(now)
	fmt.Printf("%s and %s: at most %.1e apart, known: %t, may be mixed: %t\n", dataset.Arithmetic(), now.Arithmetic(), drift, known, dataset.Mixes(now))
	// Output: float32 and int16 (Winograd F(4x4)): at most 1.1e-06 apart, known: true, may be mixed: true
}

// What is experimental says so.
func TestExperimental(t *testing.T) {
	for _, a := range Arithmetics {
		if computed(a.Precision, a.Method).Experimental() != a.Experimental {
			t.Errorf("%s", a.Name())
		}
	}
}
