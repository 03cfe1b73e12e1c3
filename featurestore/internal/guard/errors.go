package guard

import (
	"errors"
	"fmt"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"fovea/internal/budget"
)

// machineErrors are errors of a disk, its server or the machine. They say nothing about the file
// that was being read: it is not damaged.
var machineErrors = []syscall.Errno{
	unix.EIO, unix.ESTALE, unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.EACCES, unix.EPERM, unix.EAGAIN,
	unix.ETIMEDOUT, unix.EHOSTDOWN, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.ECONNRESET, unix.ENOTCONN, unix.EREMOTEIO, unix.ENODEV,
}

// ofMachine reports whether an error is the machine's.
func ofMachine(err error) bool {
	var number syscall.Errno
	return errors.As(err, &number) && slices.Contains(machineErrors, number)
}

// ErrCorrupt means that a file is damaged, or is not what is recorded about it.
var ErrCorrupt = errors.New("damaged")

// Damaged marks an error of Arrow, which does not classify its errors, as ErrCorrupt, unless it is
// one of the machine, of the memory that may be used, or one of the others.
func Damaged(err error, others ...error) error {
	if errors.Is(err, ErrCorrupt) || errors.Is(err, budget.ErrMemory) || ofMachine(err) || slices.ContainsFunc(others, func(other error) bool { return errors.Is(err, other) }) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrCorrupt, err)
}
