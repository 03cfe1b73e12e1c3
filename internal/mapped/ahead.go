package mapped

import "golang.org/x/sys/unix"

// asked is how much of a file is asked for at a time, in bytes. Linux reads no more of what one call asks for than its
// device takes at once, which may be a few MB, and forgets the rest.
const asked = 1 << 20

// Ahead asks the system to read a part of a mapping that begins with a page, so that it is in memory later.
func Ahead(part []byte) {
	for ; len(part) > 0; part = part[min(asked, len(part)):] {
		_ = unix.Madvise(part[:min(asked, len(part))], unix.MADV_WILLNEED) // it is read when it is needed otherwise
	}
}
