package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
)

// program is one like finetune, whose root only holds commands.
func program() *cobra.Command {
	root := &cobra.Command{Use: "program"}
	new(LogOptions).AddFlags(root)
	FormerNames(root.PersistentFlags(), map[string]string{"rate": "learning-rate"})
	train := &cobra.Command{Use: "train", Short: "train", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error { return nil }}
	f := train.Flags()
	FormerNames(f, map[string]string{"rate": "learning-rate"})
	f.Float64("learning-rate", 0.1, "")
	f.Int("top", 0, "")
	f.Duration("timeout", 0, "")
	f.String("shard-size", "", "")
	f.String("out", "", "")
	f.Bool("json", false, "")
	var bytes int64
	SizeVar(f, &bytes, "bytes-per-file", 0, "")
	replace(f, "shard-size", "bytes-per-file")
	var batch int
	BatchVar(f, &batch)
	var file string
	PathVar(f, &file, "file", "", "")
	inspect := &cobra.Command{Use: "inspect DIR", Short: "inspect", Args: cobra.ExactArgs(1), RunE: func(*cobra.Command, []string) error {
		return errors.New("broken")
	}}
	root.AddCommand(train, inspect)
	Group(root, "")
	return root
}

func TestUsage(t *testing.T) {
	for arguments, want := range map[string]string{
		"":                                 "give a command: inspect or train",
		"trian --features x":               `unknown command "trian" (did you mean train?): use inspect or train`,
		"--features x trian":               `unknown command "x": use inspect or train`,
		"-q trian --json":                  `unknown command "trian" (did you mean train?): use inspect or train`,
		"dance":                            `unknown command "dance": use inspect or train`,
		"train x":                          `unexpected argument "x": program train takes only flags`,
		"inspect":                          "accepts 1 arg(s), received 0",
		"train --learnin-rate 1":           "unknown flag --learnin-rate (did you mean --learning-rate?)",
		"train --ratee 1":                  "unknown flag --ratee (did you mean --learning-rate?)",
		"train --shard-siz 1MB":            "unknown flag --shard-siz (did you mean --bytes-per-file?)",
		"train --verbos":                   "unknown flag --verbos (did you mean --verbose?)",
		"train --nonsense":                 "unknown flag --nonsense",
		"train -out x":                     "unknown flag -out (did you mean --out?)",
		"train -x":                         "unknown flag -x",
		"train --top":                      "--top: the value is missing",
		"train --top abc":                  `--top "abc": give a whole number`,
		"train --top 1.5":                  "--top 1.5: give a whole number",
		"train --top 99999999999999999999": "--top 99999999999999999999: give a smaller whole number",
		"train --learning-rate fast":       `--learning-rate "fast": give a number`,
		"train --rate fast":                `--learning-rate "fast": give a number`,
		"train --timeout 5":                "--timeout 5: give a duration, such as 30s or 5m",
		"train --json=perhaps":             `--json "perhaps": give true or false`,
		"train --bytes-per-file 0":         `--bytes-per-file 0: give a size, such as 64MB (10^6 bytes each) or 64MiB (2^20)`,
		"train --bytes-per-file big":       `--bytes-per-file "big": give a size, such as 64MB (10^6 bytes each) or 64MiB (2^20)`,
		"train --batch 0":                  "--batch 0: give a whole number from 1 to ",
		"train --batch abc":                `--batch "abc": give a whole number from 1 to `,
		"train --file s3://b/x":            "--file: ",
		"--log-format xml train":           `unknown --log-format "xml": use text or json`,
	} {
		command, err := execute(context.Background(), program(), strings.Fields(arguments))
		if Status(err) != ExitUsage || !strings.HasPrefix(fmt.Sprint(err), want) {
			t.Errorf("%q: status %d, %v; want %s", arguments, Status(err), err, want)
		}
		if command == nil {
			t.Errorf("%q: no command", arguments)
		}
	}
	for _, arguments := range []string{"train", "train --rate 2 --batch 8 --bytes-per-file 64MiB", "help", "train --help", "completion bash"} {
		root := program()
		root.SetOut(new(strings.Builder))
		if _, err := execute(context.Background(), root, strings.Fields(arguments)); err != nil {
			t.Errorf("%q: %v", arguments, err)
		}
	}
	if _, err := execute(context.Background(), program(), []string{"inspect", "x"}); Status(err) != ExitFailed {
		t.Errorf("a failure is %v", err)
	}
}

// A command that takes files and holds commands says when a file may be a mistyped command.
func TestMeantCommand(t *testing.T) {
	root := &cobra.Command{Use: "extract", Args: cobra.ArbitraryArgs, RunE: func(*cobra.Command, []string) error { return nil }}
	root.Flags().String("out", "", "")
	root.Flags().Bool("resume", false, "")
	model, dataset := &cobra.Command{Use: "model"}, &cobra.Command{Use: "dataset"}
	for _, c := range []*cobra.Command{model, dataset} {
		c.AddCommand(&cobra.Command{Use: "inspect", RunE: func(*cobra.Command, []string) error { return nil }})
		Group(c, "")
	}
	model.AddCommand(&cobra.Command{Use: "fetch", RunE: func(*cobra.Command, []string) error { return nil }})
	root.AddCommand(model, dataset)
	t.Chdir(t.TempDir())
	if err := os.Mkdir("modes", 0o755); err != nil {
		t.Fatal(err)
	}
	for arguments, want := range map[string]string{
		"modell":              " (or did you mean the command model?)",
		"--out x modell":      " (or did you mean the command model?)",
		"--out=x modell":      " (or did you mean the command model?)",
		"--resume modell":     " (or did you mean the command model?)",
		"modell --json":       " (or did you mean the command model?)",
		"fetch vgg16":         " (or did you mean the command model fetch?)",
		"inspect features":    " (or did you mean the command dataset inspect or model inspect?)",
		"inspecting":          "",
		"--out modell":        "",
		"modes":               "", // a directory
		"photos":              "",
		"-- modell":           "",
		"":                    "",
		"- modell":            "",
		"--out x --resume -q": "",
	} {
		if got := meantCommand(root, strings.Fields(arguments)); got != want {
			t.Errorf("%q: %q, want %q", arguments, got, want)
		}
	}
}

func TestStatus(t *testing.T) {
	fault := errors.New("fault")
	for _, test := range []struct {
		err  error
		want int
	}{
		{nil, ExitDone},
		{fault, ExitFailed},
		{fmt.Errorf("x: %w", ErrPartly), ExitPartly},
		{fmt.Errorf("x: %w", Usagef("y")), ExitUsage},
		{UsageWhen(fmt.Errorf("x: %w", fault), errors.New("other"), fault), ExitUsage},
		{UsageWhen(errors.New("x"), fault), ExitFailed},
		{UsageUnless(fault, fmt.Errorf("x: %w", fault)), ExitFailed},
		{UsageUnless(fault, errors.New("x")), ExitUsage},
		{fmt.Errorf("x: %w", Interruption{os.Interrupt}), ExitInterrupted},
		{Interruption{syscall.SIGTERM}, ExitTerminated},
	} {
		if got := Status(test.err); got != test.want {
			t.Errorf("%v: status %d, want %d", test.err, got, test.want)
		}
	}
	if got, want := (Interruption{os.Interrupt}).Error(), "interrupted (SIGINT)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := message(errors.New("a\r\nb\n")), "a; b"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestRun runs itself as a program of its own, for the exit status and what is on standard error.
func TestRun(t *testing.T) {
	if arguments := os.Getenv("CLI_TEST_ARGUMENTS"); arguments != "" {
		os.Exit(Run(program(), strings.Fields(arguments)))
	}
	for arguments, want := range map[string]struct {
		status int
		text   string
	}{
		"train":        {ExitDone, ""},
		"inspect x":    {ExitFailed, "msg=broken"},
		"help trian":   {ExitUsage, "program help: unknown command \"trian\" (did you mean train?): use inspect or train\nTry 'program help --help'.\n"},
		"help train x": {ExitUsage, "program help: unexpected argument \"x\": program train holds no commands\n"},
		"help train":   {ExitDone, ""},
		"trian":        {ExitUsage, "program: unknown command \"trian\" (did you mean train?): use inspect or train\nTry 'program --help'.\n"},
		"train --to":   {ExitUsage, "program train: unknown flag --to (did you mean --top?)\nTry 'program train --help'.\n"},
	} {
		command := exec.Command(os.Args[0], "-test.run=^TestRun$")
		command.Env = append(os.Environ(), "CLI_TEST_ARGUMENTS="+arguments)
		var said strings.Builder
		command.Stderr = &said
		_ = command.Run() // its status is what is looked at
		if got := command.ProcessState.ExitCode(); got != want.status || !strings.Contains(said.String(), want.text) {
			t.Errorf("%q: status %d, %q; want %d, %q", arguments, got, said.String(), want.status, want.text)
		}
	}
}
