package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/app/doctor"
	"fovea/inference"
	"fovea/models"
)

var errDoctor = errors.New("extraction cannot work here: see the lines above")

func newDoctorCommand() *cobra.Command {
	var asJSON bool
	session := cli.SessionFlags{}
	options := doctor.Options{Version: cli.Version()}
	command := &cobra.Command{
		Use:   "doctor",
		Short: "Look whether this machine has what extraction needs",
		Long: `Doctor looks at the library and its devices, the CPU, memory, disk space and imported weights,
tries the model for a second, and says what to do about each problem. Exit status 1 says
that extraction cannot work.`,
		Example: "  extract doctor --device gpu:0 --out /data/features",
		Args: func(_ *cobra.Command, arguments []string) error {
			if len(arguments) > 0 {
				return cli.Usagef("doctor takes no arguments: --out DIR names a directory, --model the model")
			}
			return nil
		},
		RunE: func(command *cobra.Command, _ []string) error {
			var err error
			if options.Session, err = session.Config(); err != nil {
				return cli.UsageUnless(inference.ErrDevice, err)
			}
			report := doctor.Examine(command.Context(), options)
			if asJSON {
				err = cli.PrintJSON(os.Stdout, report)
			} else {
				err = report.Write(os.Stdout)
			}
			if err == nil && !report.Works {
				err = errDoctor
			}
			return err
		},
	}
	f := command.Flags()
	f.BoolVar(&asJSON, "json", false, "print the report as JSON")
	cli.PathVar(f, &options.Model, "model", models.Default, "the model to try")
	f.StringVar(&session.Device, "device", inference.DeviceAuto, cli.DeviceHelp)
	f.StringVar(&session.Precision, "precision", string(inference.Float32), cli.PrecisionHelp)
	cli.PathVar(f, &options.Out, "out", ".", "`DIR` where datasets are to be written")
	return command
}
