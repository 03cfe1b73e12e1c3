//go:build !((linux || darwin) && (amd64 || arm64))

package codec

import (
	"os"
	"os/exec"
	"runtime"

	"fovea/picture/internal/fault"
)

const tooSlowExit = 84

func command(*os.File) (*exec.Cmd, error) {
	return nil, &failure{fault.ErrMissing, "there are no libraries for " + runtime.GOOS + " on " + runtime.GOARCH}
}

func wasKilled(*os.ProcessState) bool { return false }

func widen(*os.File) {}
