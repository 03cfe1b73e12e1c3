package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/internal/text"
	"fovea/models"
	"fovea/vgg"
)

func newModelCommand() *cobra.Command {
	command := &cobra.Command{Use: "model", Short: "Inspect and check models, fetch and import weights, export SavedModels"}
	command.AddCommand(newInspect(), newFetch(), newImport(), newExport(), newCheck())
	cli.Group(command, "for images in a directory named model, give ./model")
	return command
}

func newInspect() *cobra.Command {
	var result cli.ResultFlags
	var names []string
	for _, c := range vgg.Configurations {
		names = append(names, c.Name)
	}
	command := &cobra.Command{
		Use:   "inspect NAME|DIR[:SIGNATURE]",
		Short: "Show a model's layers, shapes and parameters",
		Long: fmt.Sprintf(`Inspect shows what a model is made of. NAME is %s;
its weights need not be there. DIR holds a SavedModel. If it has several signatures and none is the
default, DIR:SIGNATURE names one.`, text.Alternatives(names)),
		Args: cli.Arguments(1, "one model: a name or a SavedModel's directory"),
		RunE: func(_ *cobra.Command, arguments []string) error {
			name, err := cli.LocalPath(arguments[0])
			if err != nil {
				return err
			}
			d, err := models.Describe(name)
			if err != nil {
				return cli.UsageWhen(err, models.ErrUnknown)
			}
			return result.Print(d, d.WriteText)
		},
	}
	result.Add(command.Flags())
	return cli.ReadsNoFiles(command)
}
