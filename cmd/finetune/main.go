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
	command.AddCommand(newTrain(&log), newEvaluate(), newReport(), newSuspects(&log), newAudit(), newPredict(&log), newServe(), newExport(), newScratch(&log), newCompare(&log))
	cli.Group(command, "")
	return command
}
