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
		RunE: func(_ *cobra.Command, arguments []string) error {
			if len(arguments) > 0 {
				return cli.Usagef("unknown command %q: use train, evaluate, report, predict, serve, export, scratch or compare", arguments[0])
			}
			return cli.Usagef("give a command: train, evaluate, report, predict, serve, export, scratch or compare")
		},
		Args: cobra.ArbitraryArgs,
	}
	log.AddFlags(command)
	command.AddCommand(newTrain(&log), newEvaluate(), newReport(), newPredict(&log), newServe(&log), newExport(&log), newScratch(&log), newCompare(&log))
	return command
}
