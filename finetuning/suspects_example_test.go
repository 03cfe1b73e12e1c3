package finetuning_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"fovea/finetuning"
)

// The labels of a dataset are tested, and what else is wrong with it is listed.
func ExampleFindSuspects() {
	dir, err := os.MkdirTemp("", "finetuning")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir) // an example's
	source := finetuning.Source{Dir: filepath.Join(dir, "photos")}
	writeFeatures(source.Dir, 100, 1)

	found, err := finetuning.FindSuspects(context.Background(), finetuning.SuspectsOptions{Source: source, Seed: 1, NearDuplicates: 0.999})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%d images of %v: %d labels are probably wrong\n", found.Images, found.Classes, found.Likely)

	audit, err := finetuning.RunAudit(context.Background(), finetuning.AuditOptions{Source: source, NearDuplicates: 0.999})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%d problems, %d kinds not looked for\n", len(audit.Findings), len(audit.Skipped))
	// Output:
	// 100 images of [cat dog]: 0 labels are probably wrong
	// 0 problems, 1 kinds not looked for
}
