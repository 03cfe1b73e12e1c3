package cli

import "net"

// IsAddress reports whether an address to listen on is a host, which may be empty, and a port.
func IsAddress(address string) bool {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	return err == nil
}
