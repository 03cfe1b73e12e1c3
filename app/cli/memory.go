package cli

import (
	"context"

	"github.com/spf13/cobra"
)

// maxMemoryKey is the key of --max-memory in a command's context.
type maxMemoryKey struct{}

// addMaxMemory defines --max-memory on root for all its commands.
func addMaxMemory(root *cobra.Command, bytes *int64) {
	SizeVar(root.PersistentFlags(), bytes, "max-memory", 0, "let reading a file take `SIZE` of memory, such as 8GB (default: as the file's size allows; see docs/weights.md)")
}

// MaxMemory is the value of --max-memory in bytes for the command that runs with ctx, 0 where it was not given.
func MaxMemory(ctx context.Context) int64 {
	bytes, _ := ctx.Value(maxMemoryKey{}).(int64)
	return bytes
}
