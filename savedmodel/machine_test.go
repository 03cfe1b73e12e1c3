package savedmodel

import (
	"errors"
	"syscall"
	"testing"
)

// What the machine lacks is no fault of the model, although TensorFlow says it in a text alone.
func TestOfMachine(t *testing.T) {
	for text, want := range map[string]error{
		"a/variables.data-00000-of-00001; Too many open files\n\t [[{{node save/RestoreV2}}]]": syscall.EMFILE,
		"a/variables.data-00000-of-00001; Too many open files in system":                       syscall.ENFILE,
		"a/variables.data-00000-of-00001; Cannot allocate memory":                              syscall.ENOMEM,
		"a/variables.data-00000-of-00001; Input/output error":                                  syscall.EIO,
		"Unable to open table file a/variables: Data loss: not an sstable":                     ErrFormat,
	} {
		err := ofMachine(errors.New(text))
		if !errors.Is(err, want) || (want != ErrFormat) == errors.Is(err, ErrFormat) {
			t.Errorf("%q is %v", text, err)
		}
	}
}
