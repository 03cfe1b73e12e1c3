package cli

import (
	"context"

	"github.com/spf13/cobra"
)

// maxMemoryKey is the key of --max-memory in a command's context.
type maxMemoryKey struct{}

// addMaxMemory defines --max-memory on root for all its commands.
func addMaxMemory(root *cobra.Command, bytes *int64) {
	SizeVar(root.PersistentFlags(), bytes, "max-memory", 0, "let reading a weights file, a dataset's file, a table or a head take `SIZE` of memory, such as 8GB (default: as the file's size allows; see docs/weights.md)")
}

// readsNoFiles is the key of the annotation of commands that --max-memory has no meaning for.
const readsNoFiles = "reads no files"

// ReadsNoFiles marks a command that reads no file under the limit of --max-memory, and refuses the flag.
func ReadsNoFiles(command *cobra.Command) *cobra.Command {
	command.Annotations = map[string]string{readsNoFiles: ""}
	return command
}

// checkMaxMemory refuses --max-memory where it would change nothing.
func checkMaxMemory(command *cobra.Command) error {
	if _, without := command.Annotations[readsNoFiles]; without && command.Flags().Changed("max-memory") {
		return Usagef("--max-memory: %s reads no weights, datasets, tables or heads that it could limit", command.CommandPath())
	}
	return nil
}

// MaxMemory is the value of --max-memory in bytes for the command that runs with ctx, 0 where it was not given.
func MaxMemory(ctx context.Context) int64 {
	bytes, _ := ctx.Value(maxMemoryKey{}).(int64)
	return bytes
}
