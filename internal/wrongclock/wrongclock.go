package wrongclock

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

// skewed are the codes with which stores refuse a request's time.
var skewed = []string{"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"}

// Refused reports whether a server has refused a request because of its time.
func Refused(err error) bool {
	var coded interface{ ErrorCode() string }
	return errors.As(err, &coded) && slices.Contains(skewed, coded.ErrorCode())
}

// Explain adds what this machine's clock says, and what to do, to an error that a wrong clock may have caused: of
// a certificate that is not valid yet or any more, or of a request whose time a server refuses. Other errors
// are returned unchanged.
func Explain(err error) error {
	var certificate x509.CertificateInvalidError
	expired := errors.As(err, &certificate) && certificate.Reason == x509.Expired
	if err == nil || !expired && !Refused(err) {
		return err
	}
	return fmt.Errorf("%w: this machine's clock says %s: set it if it is wrong", err, time.Now().UTC().Format("2006-01-02 15:04 MST"))
}
