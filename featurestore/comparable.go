package featurestore

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"fovea/recipe"
)

// comparable fails if this writer cannot continue the dataset, and says why.
func (w *Writer) comparable(m Manifest) error {
	found := lessExact(m.Recipe, w.manifest.Recipe)
	add := func(field, have, got string) {
		if have != got {
			found = append(found, recipe.Difference{Field: field, Have: have, Got: got})
		}
	}
	add("dtype", string(m.DType), string(w.manifest.DType))
	add("format", string(m.Format), string(w.manifest.Format))
	found = append(found, m.extraDifferences(w.manifest)...)
	add("tensor extension", fmt.Sprint(m.TensorExtension), fmt.Sprint(w.manifest.TensorExtension))
	if w.config.options.ShardBytes != 0 || w.config.options.ShardRows != 0 {
		add("rows per shard", fmt.Sprint(m.RowsPerShard), fmt.Sprint(w.manifest.RowsPerShard))
	}
	if len(found) == 0 {
		return nil
	}
	if have := m.Recipe; len(have.Added) > 0 && len(w.manifest.Recipe.Added) == 0 {
		return fmt.Errorf("%w: its columns are made in %d ways (models %s), and a run computes in one: extract new images into a dataset of their own, --add the same columns to it, and merge the two; or drop the columns of all ways but one, and --add them again afterwards",
			ErrMismatch, len(have.Parts()), have.Models())
	}
	remedy := precisionRemedy(found, m.Recipe, w.manifest.Recipe) + extraRemedy(found)
	return fmt.Errorf("its rows were %w: %s%s", ErrMismatch, describe(found, "in the dataset", "now"), remedy)
}

// precisionRemedy says how to continue a dataset that was refused because of the precision.
func precisionRemedy(found []recipe.Difference, have, now recipe.Recipe) string {
	switch {
	case !differIn(found, recipe.FieldPrecision):
		return ""
	case have.Precision == now.Precision:
		return fmt.Sprintf("; continue it where it is computed in %s, or replace it with --overwrite", have.Arithmetic())
	}
	return fmt.Sprintf("; give --precision %s or auto, or replace the dataset with --overwrite", have.Precision)
}

func differIn(found []recipe.Difference, field string) bool {
	return slices.ContainsFunc(found, func(d recipe.Difference) bool { return d.Field == field })
}

// lessExact lists what keeps rows by the recipe now out of a dataset of the recipe have: what keeps them from being
// mixed, and an arithmetic less exact than the one that the dataset is named after.
func lessExact(have, now recipe.Recipe) []recipe.Difference {
	if have.LessExact(now).Arithmetic() != have.Arithmetic() {
		return differences(have, now)
	}
	return unmixable(have, now)
}

// unmixable lists what keeps rows of two recipes from being in one dataset.
func unmixable(have, got recipe.Recipe) []recipe.Difference {
	if have.Mixes(got) {
		got.Precision, got.Method = have.Precision, have.Method
	}
	return differences(have, got)
}

// differences lists the differences of two recipes: at least one unless their fingerprints agree.
func differences(have, got recipe.Recipe) []recipe.Difference {
	found := have.CompareLayers(got)
	if have.Method != got.Method && !differIn(found, recipe.FieldPrecision) { // one is of an earlier version
		const unrecorded = "not recorded"
		found = append(found, recipe.Difference{Field: "method", Have: cmp.Or(have.Method, unrecorded), Got: cmp.Or(got.Method, unrecorded)})
	}
	if a, b := have.Fingerprint(), got.Fingerprint(); len(found) == 0 && a != b {
		found = append(found, recipe.Difference{Field: "fingerprint", Have: a, Got: b})
	}
	return found
}

func describe(differences []recipe.Difference, here, there string) string {
	parts := make([]string, len(differences))
	for i, d := range differences {
		parts[i] = fmt.Sprintf("%s: %s %s, %s %s", d.Field, d.Have, here, d.Got, there)
	}
	return strings.Join(parts, "; ")
}
