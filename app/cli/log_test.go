package cli

import (
	"bytes"
	"testing"

	"github.com/sirupsen/logrus"
)

// Lines look as a terminal's wherever the first one goes, such as above a progress bar, and have no colours where nobody
// wants them.
func TestNewFormatter(t *testing.T) {
	for _, test := range []struct {
		terminal, coloured bool
		want               string
	}{
		{true, true, "\x1b[33mWARN\x1b[0m a \\x1b[1m b                                   \x1b[33mpath\x1b[0m=x\n"},
		{true, false, "WARN a \\x1b[1m b                                   path=x\n"},
		{false, true, "level=warning msg=\"a \\x1b[1m b\" path=x\n"},
	} {
		var said bytes.Buffer
		log := logrus.New()
		log.SetOutput(&said)
		log.SetFormatter(newFormatter(test.terminal, test.coloured))
		log.WithField("path", "x").Warn("a \x1b[1m b")
		got := said.Bytes()
		if !test.terminal { // after the time
			_, got, _ = bytes.Cut(got, []byte(" "))
		}
		if string(got) != test.want {
			t.Errorf("terminal %v, coloured %v: %q, want %q", test.terminal, test.coloured, got, test.want)
		}
	}
}
