package explorer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
)

// DefaultListen is a free port of the loopback interface.
const DefaultListen = "127.0.0.1:0"

// Listen listens on HOST:PORT; without a host, on the loopback interface.
func Listen(address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %q: give HOST:PORT: %w", address, err)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(host, port))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("cannot listen on %s: another program uses this port: port 0 is any free one", address)
	case err != nil:
		return nil, fmt.Errorf("cannot listen on %s: %w", address, err)
	}
	return listener, nil
}

// warnOpen says what it means that other machines can reach a listener.
func warnOpen(at net.Addr) {
	if address, err := netip.ParseAddrPort(at.String()); err == nil && address.Addr().IsLoopback() {
		return
	}
	logrus.Warnf("other machines can reach %s: whoever has the address with its token sees the images and changes labels, and nothing is encrypted on the way", at)
}

// browserTime is how long the program that opens a browser may take.
const browserTime = 10 * time.Second

// openBrowser opens an address in the person's browser; if that fails, it says so.
func openBrowser(ctx context.Context, url string) {
	if err := runBrowser(ctx, url); err != nil && ctx.Err() == nil {
		logrus.Infof("no browser was opened (%v): open the address yourself", err)
	}
}

func runBrowser(ctx context.Context, url string) error {
	var command []string
	switch runtime.GOOS {
	case "darwin":
		command = []string{"open"}
	case "windows":
		command = []string{"rundll32", "url.dll,FileProtocolHandler"}
	default:
		if os.Getenv("DISPLAY")+os.Getenv("WAYLAND_DISPLAY") == "" { // a browser in the terminal would be no use
			return errors.New("there is no display")
		}
		command = []string{"xdg-open"}
	}
	ctx, cancel := context.WithTimeout(ctx, browserTime)
	defer cancel()
	return exec.CommandContext(ctx, command[0], append(command[1:], url)...).Run()
}
