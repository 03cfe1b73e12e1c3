package main

import (
	"fovea/featurestore"
	"fovea/recipe"
)

func datasetRecipe(dir string) (recipe.Recipe, error) {
	dataset, err := featurestore.Open(dir)
	if err != nil {
		return recipe.Recipe{}, err
	}
	return dataset.Recipe(), nil
}
