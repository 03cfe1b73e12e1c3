package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/apache/beam/sdks/v2/go/container/tools"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/util/grpcx"
)

// An engine starts its worker processes (environment type PROCESS) with these two flags. What
// Beam's containers do by a program of their own is done here, so that this binary alone is
// all that a worker needs.
const provisionFlag = "provision_endpoint"

// startedByEngine says whether the arguments are an engine's.
func startedByEngine(arguments []string) bool {
	for _, a := range arguments {
		if strings.HasPrefix(strings.TrimLeft(a, "-"), provisionFlag+"=") {
			return true
		}
	}
	return false
}

// boot asks the engine where its services are and becomes a worker.
func boot(arguments []string) error {
	flags := flag.NewFlagSet("worker", flag.ContinueOnError)
	id := flags.String("id", "", "the worker's name")
	endpoint := flags.String(provisionFlag, "", "where the engine describes the job")
	for _, unused := range []string{"logging_endpoint", "artifact_endpoint", "control_endpoint", "semi_persist_dir"} {
		flags.String(unused, "", "not used")
	}
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	worker := strings.Trim(*id, "'")
	info, err := tools.ProvisionInfo(grpcx.WriteWorkerID(context.Background(), worker), *endpoint)
	if err != nil {
		return fmt.Errorf("ask %s about the job: %w", *endpoint, err)
	}
	if info.GetLoggingEndpoint().GetUrl() == "" || info.GetControlEndpoint().GetUrl() == "" {
		return errors.New("the engine names no endpoints for logging and control")
	}
	options, err := tools.ProtoToJSON(info.GetPipelineOptions())
	if err != nil {
		return fmt.Errorf("read the job's options: %w", err)
	}
	binary, err := os.Executable()
	if err != nil {
		return err
	}
	environment := append(os.Environ(), "RUNNER_CAPABILITIES="+strings.Join(info.GetRunnerCapabilities(), " "))
	if url := info.GetStatusEndpoint().GetUrl(); url != "" {
		environment = append(environment, "STATUS_ENDPOINT="+url)
	}
	return syscall.Exec(binary, []string{
		binary, "--worker=true", "--id=" + worker,
		"--logging_endpoint=" + info.GetLoggingEndpoint().GetUrl(),
		"--control_endpoint=" + info.GetControlEndpoint().GetUrl(),
		"--options=" + options,
	}, environment)
}
