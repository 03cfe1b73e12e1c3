//go:build !linux

package inference

// inHugePages does nothing: it is Linux that sets memory up in pages of 4 KB unless it is asked not to.
func inHugePages([]byte) {}
