package objects

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"testing"
)

// TestKinds classifies errors that come without a code.
func TestKinds(t *testing.T) {
	unparsed := &url.Error{Op: "parse", URL: "http://[wrong", Err: errors.New("missing ]")}
	unknown := &net.DNSError{Err: "no such host", Name: "h", IsNotFound: true}
	for _, c := range []struct {
		err     error
		kind    kind
		passing bool
	}{
		{errors.New(`Get "http://h/b/credentials.jpg": connection reset`), other, true},
		{errors.New("get identity: get credentials: failed to refresh cached credentials, no role"), refused, false},
		{errors.New("google: could not find default credentials"), refused, false},
		{fmt.Errorf("dial: %w", &net.OpError{Op: "dial", Err: unknown}), unreachable, true},
		{fmt.Errorf("get credentials: %w", unknown), unreachable, true},
		{&net.DNSError{Err: "server misbehaving", Name: "h", IsTemporary: true}, other, true},
		{errors.New("resolve endpoint: endpoint rule error, Custom endpoint `x` was not a valid URI"), other, false},
		{fmt.Errorf("request: %w", unparsed), other, false},
		{&url.Error{Op: "Get", URL: "http://h", Err: errors.New("EOF")}, other, true},
	} {
		if kindOf(c.err) != c.kind || passing(c.err) != c.passing {
			t.Errorf("%v is of kind %d, passing %v; want %d, %v", c.err, kindOf(c.err), passing(c.err), c.kind, c.passing)
		}
	}
}
