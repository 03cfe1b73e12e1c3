package main

import (
	"errors"

	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/app/doctor"
	"fovea/inference"
	"fovea/models"
)

var errDoctor = errors.New("extraction cannot work here: see above")

func newDoctorCommand() *cobra.Command {
	var result cli.ResultFlags
	session := cli.SessionFlags{}
	options := doctor.Options{Version: cli.Version()}
	command := &cobra.Command{
		Use:   "doctor",
		Short: "Check whether this machine has what extraction needs",
		Long: `Doctor examines TensorFlow's library and its devices, the CPU, memory, disk space and imported weights,
tries the model for a second, and says what to do about each problem. The exit status is 1 if
extraction cannot work.`,
		Example: "  extract doctor --device gpu:0 --out /data/features",
		Args:    noDoctorArguments,
		RunE: func(command *cobra.Command, _ []string) (err error) {
			if options.Session, err = session.Config(); err != nil {
				return cli.UsageUnless(inference.ErrDevice, err)
			}
			report, err := doctor.Examine(command.Context(), options)
			if err == nil {
				err = result.Print(report, report.Write)
			}
			if err == nil && !report.Works {
				err = errDoctor
			}
			return err
		},
	}
	f := command.Flags()
	result.Add(f)
	cli.PathVar(f, &options.Model, "model", models.Default, "the model to try: a `NAME` or a SavedModel's directory")
	cli.TrustVar(f, &options.Trust)
	cli.PreprocessingVar(f, &options.Preprocessing, "with --bench, `HOW` to normalize pixels, as for extract (default: the model's own)")
	f.StringVar(&session.Device, "device", inference.DeviceAuto, cli.DeviceHelp)
	session.PrecisionVar(f, string(inference.Float32), "")
	f.BoolVar(&options.Bench, "bench", false, "also compute photographs in each precision of this CPU, and print its speed and drift")
	cli.PathVar(f, &options.Out, "out", ".", "check the free space in `DIR`, where datasets will be written")
	return cli.ReadsNoFiles(command)
}

func noDoctorArguments(_ *cobra.Command, arguments []string) error {
	if len(arguments) > 0 {
		return cli.Usagef("unexpected argument %q: --out DIR names a directory, --model NAME a model", arguments[0])
	}
	return nil
}
