// Command finetune trains a classifier head on extracted features, measures it, and predicts
// the classes of new pictures.
//
// Usage:
//
//	finetune train    --features DIR --out HEAD [flags]
//	finetune evaluate --head HEAD --features DIR [flags]
//	finetune report   --head HEAD --features DIR --out DIR [flags]
//	finetune predict  --head HEAD [flags] IMAGES...
//	finetune serve    --head HEAD [flags]
//	finetune export   --head HEAD --out DIR [flags] [IMAGES...]
//	finetune scratch  --images DIR --out DIR [flags]
//	finetune compare  --images DIR --out DIR [flags]
package main

import (
	"os"

	"github.com/spf13/cobra"

	"fovea/app/cli"
)

func main() { os.Exit(cli.Run(newCommand(), os.Args[1:])) }

func newCommand() *cobra.Command {
	var log cli.LogOptions
	command := &cobra.Command{
		Use:     "finetune",
		Short:   "Train and use classifier heads on extracted features",
		Version: cli.Version(),
	}
	log.AddFlags(command)
	command.AddCommand(newTrain(&log), newEvaluate(), newReport(), newPredict(&log), newServe(&log), newExport(&log), newScratch(&log), newCompare(&log))
	cli.Group(command, "")
	return command
}
