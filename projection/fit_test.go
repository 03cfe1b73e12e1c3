package projection

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/recipe"
)

// wholes are numbers that testdata/make_components.py makes, too.
func wholes(seed, rows, columns, most int) [][]int {
	all := make([][]int, rows)
	for i := range all {
		for j := range columns {
			h := finalize(uint64(seed)<<40 + uint64(i)<<20 + uint64(j))
			all[i] = append(all[i], int(h%uint64(2*most+1))-most)
		}
	}
	return all
}

// images are features of a few directions and some noise, as after a ReLU, with columns of zeros.
func images(seed, rows, d, rank int) [][]float32 {
	u, v, noise, offset := wholes(seed, rows, rank, 9), wholes(7, rank, d, 9), wholes(seed+50, rows, d, 3), wholes(8, 1, d, 300)
	all := make([][]float32, rows)
	for i := range all {
		all[i] = make([]float32, d)
		for j := range d {
			sum := noise[i][j] + offset[0][j]
			for k := range rank {
				sum += u[i][k] * (rank - k) * v[k][j]
			}
			if j%11 != 0 {
				all[i][j] = float32(max(0, sum)) / 64
			}
		}
	}
	return all
}

func fitOn(t testing.TB, how recipe.Projection, all [][]float32) (*Projection, error) {
	t.Helper()
	of := recipe.Recipe{Model: "small", Pool: "avg", Layers: []recipe.Layer{{Name: "short", Shape: []int{1}, Layout: recipe.LayoutC}, layer(len(all[0]))}}
	f, err := NewFitter(how, of)
	if err != nil {
		return nil, err
	}
	for _, x := range all {
		if err := f.Add([][]float32{{0}, x}); err != nil {
			t.Fatal(err)
		}
	}
	return f.Fit()
}

// Components, variances and projections are those of scikit-learn's IncrementalPCA within the rounding to float32, and
// near those of its PCA.
func TestComponentsAgreeWithScikitLearn(t *testing.T) {
	data, err := os.ReadFile("testdata/components.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Cases []struct {
			Inputs, Values, Seed, Rows, Rank int
			Whiten                           bool
			Mean, Variances, Full            []float64
			FullVariances                    []float64   `json:"full_variances"`
			FullComponents                   [][]float64 `json:"full_components"`
			Components, Projected            [][]float64
			Total                            float64
		}
	}
	if err := json.Unmarshal(data, &golden); err != nil || len(golden.Cases) < 4 {
		t.Fatalf("%d cases, %v", len(golden.Cases), err)
	}
	for _, c := range golden.Cases {
		how := recipe.Projection{Kind: recipe.ProjectPCA, Values: c.Values, Whiten: c.Whiten}
		p, err := fitOn(t, how, images(c.Seed, c.Rows, c.Inputs, c.Rank))
		if err != nil {
			t.Fatal(err)
		}
		got := p.fitted.layers[0]
		if math.Abs(got.total-c.Total) > 1e-9*c.Total {
			t.Errorf("the variance of all is %g, want %g", got.total, c.Total)
		}
		for i, want := range c.Variances {
			if math.Abs(got.variances[i]-want) > 1e-9*want || math.Abs(want-c.FullVariances[i]) > 0.02*want {
				t.Errorf("%d rows: variance %d is %g, want %g, in full %g", c.Rows, i, got.variances[i], want, c.FullVariances[i])
			}
		}
		if cosine := leastCosine(got, c.Components); cosine < 1-1e-7 {
			t.Errorf("%d rows: the subspace is off: 1 - cosine is %g", c.Rows, 1-cosine)
		}
		if cosine := leastCosine(got, c.FullComponents); cosine < 0.98 {
			t.Errorf("%d rows: the subspace is not PCA's: the cosine is %g", c.Rows, cosine)
		}
		worst := 0.0
		for i, x := range images(c.Seed+100, len(c.Projected), c.Inputs, c.Rank) {
			values, apply, err := p.Layer(layer(c.Inputs))
			if err != nil {
				t.Fatal(err)
			}
			out := make([]float32, values)
			apply(out, x)
			for j, want := range c.Projected[i] {
				worst = max(worst, math.Abs(float64(out[j])-want)/math.Max(1, math.Abs(want)))
			}
		}
		t.Logf("%d rows of %d values: projections differ by %.2g", c.Rows, c.Inputs, worst)
		if worst > 1e-5 {
			t.Errorf("%d rows: projections differ by %g", c.Rows, worst)
		}
	}
}

// leastCosine compares components one by one, but for their signs, which the projections show.
func leastCosine(c components, want [][]float64) float64 {
	least := 1.0
	for i, w := range want {
		cosine := 0.0
		for j, v := range w {
			cosine += v * float64(c.rows[i*c.inputs+j])
		}
		least = min(least, math.Abs(cosine))
	}
	return least
}

func TestFitRefuses(t *testing.T) {
	pca := func(n int) recipe.Projection { return recipe.Projection{Kind: recipe.ProjectPCA, Values: n} }
	for _, test := range []struct {
		how  recipe.Projection
		all  [][]float32
		want string
	}{
		{pca(5), images(1, 5, 20, 6), "need more images than that, and 5 could be read"},
		{pca(5), images(1, 1, 20, 6), "and 1 could be read"},
		{pca(5), slices.Repeat([][]float32{make([]float32, 20)}, 30), "vary in only 0 directions"},
		{pca(19), images(1, 300, 20, 6), "vary in only 18 directions"}, // two columns are zeros
		{pca(5), [][]float32{make([]float32, mostInputs+1)}, "pool it"},
		{pca(4096), [][]float32{make([]float32, mostInputs)}, "GB: pool them"},
	} {
		if _, err := fitOn(t, test.how, test.all); !errors.Is(err, ErrUnsuitable) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.how, err, test.want)
		}
	}
}

// saved is a small fitted projection and its file.
func saved(t testing.TB, whiten bool) (*Projection, string) {
	t.Helper()
	p, err := fitOn(t, recipe.Projection{Kind: recipe.ProjectPCA, Values: 3, Whiten: whiten}, images(1, 40, 12, 6))
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "x"+Suffix)
	if err := p.Save(name); err != nil {
		t.Fatal(err)
	}
	return p, name
}

func project(t *testing.T, p *Projection, x []float32) []float32 {
	t.Helper()
	values, apply, err := p.Layer(layer(len(x)))
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float32, values)
	apply(out, x)
	return out
}

// A file gives the same bits, is found by its hash in any directory, and is refused with any byte changed.
func TestFile(t *testing.T) {
	for _, whiten := range []bool{false, true} {
		p, name := saved(t, whiten)
		x := images(9, 1, 12, 6)[0]
		want := project(t, p, x)
		loaded, err := Load(name)
		if err != nil || loaded.How() != p.How() || p.How().Whiten != whiten {
			t.Fatalf("%v, %v, want %v", loaded.How(), err, p.How())
		}
		if got := project(t, loaded, x); !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		parsed, err := Parse(name)
		if err != nil || parsed.How() != p.How() {
			t.Errorf("%v, %v", parsed.How(), err)
		}
		kept := filepath.Join(t.TempDir(), "a[b]*", "kept")
		if err := loaded.Keep(kept); err != nil {
			t.Fatal(err)
		}
		for _, dir := range []string{kept, filepath.Dir(name)} {
			found, err := Find(p.How().String(), t.TempDir(), dir)
			if err != nil || found.How() != p.How() {
				t.Errorf("%v, %v", found.How(), err)
			}
		}
		if _, err := Find(p.How().String(), t.TempDir()); !errors.Is(err, ErrMissing) {
			t.Errorf("what is missing: %v", err)
		}
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for at := range content {
			changed := slices.Clone(content)
			changed[at] ^= 4
			if again, err := parse(changed); err == nil && again.How() == p.How() {
				t.Errorf("byte %d is not missed", at)
			} else if err != nil && !errors.Is(err, ErrFile) {
				t.Errorf("byte %d: %v", at, err)
			}
		}
		for _, cut := range []int{0, 1, len(content) / 2, len(content) - 3} {
			if _, err := parse(content[:cut]); !errors.Is(err, ErrFile) {
				t.Errorf("%d bytes: %v", cut, err)
			}
		}
	}
}

// What a file does not fit is refused.
func TestSuits(t *testing.T) {
	p, _ := saved(t, false)
	of := p.fitted.of
	if err := p.Suits(of); err != nil {
		t.Error(err)
	}
	for name, test := range map[string]struct {
		change func(*recipe.Recipe)
		want   string
	}{
		"model": {func(r *recipe.Recipe) { r.ModelSHA256 = "another" }, "fitted on other features: model SHA-256"},
		"pool":  {func(r *recipe.Recipe) { r.Pool = "max" }, "pool: avg there, max here"},
		"layer": {func(r *recipe.Recipe) { r.Layers[0].Name = "fc7" }, "fitted on layers layer, not on fc7"},
		"shape": {func(r *recipe.Recipe) { r.Layers[0].Shape = []int{13} }, "12 values of layer layer, and here there are 13"},
		"short": {func(r *recipe.Recipe) { r.Layers[0].Shape, r.Layers[0].Name = []int{3}, "other" }, ""},
	} {
		changed := of
		changed.Layers = slices.Clone(of.Layers)
		test.change(&changed)
		err := p.Suits(changed)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	if err := p.Check([]recipe.Layer{layer(3), {Name: "long", Shape: []int{2}, Layout: recipe.LayoutC}}); err == nil || !strings.Contains(err.Error(), "no layer has more than 3 values: layer has 3") {
		t.Error(err)
	}
}

func TestParse(t *testing.T) {
	sum := strings.Repeat("0", 64)
	for text, want := range map[string]string{
		"median": "or the file of a fitted projection", "no/such/file": "there is no file no/such/file", "x.pca.json": "there is no file", "0": "from 1 to 32768", "pca:3@" + sum: "give its file", "testdata": "unknown projection",
		"testdata/make_sparse.py": "truncated or not JSON", "testdata/components.json": "its format is",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if p, err := Parse("none"); p != nil || err != nil || p.Unfitted() || p.How().Kind != "" {
		t.Errorf("%v, %v", p, err)
	}
	p, err := Parse("pca:3")
	if err != nil || !p.Unfitted() {
		t.Fatal(err)
	}
	if _, _, err := p.Layer(layer(10)); err == nil {
		t.Error("an unfitted projection is applied")
	}
}

func FuzzParse(f *testing.F) {
	_, name := saved(f, true)
	content, err := os.ReadFile(name)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(content)
	f.Add([]byte(`{"format":"fovea-projection","version":1,"layers":[{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parse(data)
		if err != nil {
			return
		}
		for i, l := range p.fitted.of.Layers {
			out := make([]float32, p.how.Values)
			p.fitted.layers[i].apply(out, make([]float32, l.Size()))
		}
	})
}
