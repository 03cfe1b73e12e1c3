package featurestore

import (
	"errors"
	"fmt"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// machineErrors are those of a disk, its server or the machine, which say nothing of the file that
// was read: it is not damaged.
var machineErrors = []syscall.Errno{
	unix.EIO, unix.ESTALE, unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.EACCES, unix.EPERM, unix.EAGAIN,
	unix.ETIMEDOUT, unix.EHOSTDOWN, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.ECONNRESET, unix.ENOTCONN, unix.EREMOTEIO, unix.ENODEV,
}

// ofMachine says whether an error is the machine's.
func ofMachine(err error) bool {
	var number syscall.Errno
	return errors.As(err, &number) && slices.Contains(machineErrors, number)
}

// damaged marks an error of Arrow, which has no marks of its own, as damage, unless it is one of
// another kind.
func damaged(err error, others ...error) error {
	if errors.Is(err, ErrCorrupt) || ofMachine(err) || slices.ContainsFunc(others, func(other error) bool { return errors.Is(err, other) }) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrCorrupt, err)
}
