package doctor

import (
	"errors"
	"strings"
	"testing"
)

// What decodes AVIF and HEIC is said, and that it has more rights than it needs.
func TestDecoders(t *testing.T) {
	for _, test := range []struct {
		err      error
		confined bool
		system   string
		status   Status
		found    string
	}{
		{nil, true, "linux", OK, "by libs, in processes without rights"},
		{nil, false, "linux", Warning, "with the rights of this program"},
		{nil, false, "darwin", OK, "this system has no way"},
		{errors.New("not there"), true, "linux", Warning, "are refused"},
	} {
		c := decoders("libs", test.err, test.confined, test.system)
		if c.Status != test.status || !strings.Contains(c.Found, test.found) || (c.Remedy != "") != (c.Status == Warning) {
			t.Errorf("%+v: %+v", test, c)
		}
	}
}
