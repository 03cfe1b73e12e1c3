package cli

import "runtime/debug"

// version is set by the linker: -X fovea/app/cli.version=...
var version string

// Version is the program's version: the one set by the linker, or the commit it was built from,
// as 0.0.0+COMMIT.
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				return "0.0.0+" + setting.Value[:min(12, len(setting.Value))]
			}
		}
	}
	return "0.0.0"
}
