package head

import (
	"fmt"
	"slices"
	"strings"

	"fovea/recipe"
)

// Check compares the recipe of features with the one that the head was trained on, model by model: the features may have
// further columns, of further models, and the models in another order. Differences that
// make predictions wrong are ErrMismatch; those that only cause rounding errors are returned.
func (h *Head) Check(r recipe.Recipe) (warnings []recipe.Difference, err error) {
	var reasons []string
	parts := h.Recipe.Parts()
	for _, part := range parts {
		in := ""
		if len(parts) > 1 {
			in = part.Model + ": "
		}
		for _, other := range h.counterparts(part, r) {
			for _, d := range part.Compare(other) {
				switch reason := fmt.Sprintf("%s%s: %s in the head, %s in the features", in, d.Field, d.Have, d.Got); {
				case d.Field == recipe.FieldTiles: // as a head that was trained on whole images is used on tiles of others
				case d.Minor && !slices.Contains(warnings, d):
					warnings = append(warnings, d)
				case !d.Minor && !slices.Contains(reasons, reason):
					reasons = append(reasons, reason)
				}
			}
		}
	}
	for _, own := range h.Layers {
		layer, found := r.Layer(own.Name)
		switch {
		case !found:
			reasons = append(reasons, fmt.Sprintf("layer: %s in the head, %s in the features", own.Name, strings.Join(r.LayerNames(), ",")))
		case layer.InModel() != own.InModel():
			reasons = append(reasons, fmt.Sprintf("layer of column %s: %s in the head, %s in the features", own.Name, own.InModel(), layer.InModel()))
		case layer.Size() != own.Size():
			reasons = append(reasons, fmt.Sprintf("shape of %s: %v in the head, %v in the features", layer.Name, own.Shape, layer.Shape))
		}
	}
	if len(reasons) > 0 {
		return nil, fmt.Errorf("head: %w: %s: extract features in the same way, or train a head on these", ErrMismatch, strings.Join(reasons, "; "))
	}
	return warnings, nil
}

// counterparts are the parts of a recipe that have the columns of one of the head's parts.
func (h *Head) counterparts(part, r recipe.Recipe) (found []recipe.Recipe) {
	if len(h.Recipe.Added)+len(r.Added) == 0 { // whatever its columns are called, what differs tells more than that they are missing
		return []recipe.Recipe{r}
	}
	for _, p := range r.Parts() {
		if slices.ContainsFunc(h.Layers, func(l recipe.Layer) bool {
			_, own := part.Layer(l.Name)
			_, there := p.Layer(l.Name)
			return there && (own || len(part.Layers) == 0)
		}) {
			found = append(found, p)
		}
	}
	return found
}
