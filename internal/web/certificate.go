package web

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
)

func openCertificate(certificate, key string) (*renewed[tls.Certificate], error) {
	c := &renewed[tls.Certificate]{what: "certificate and its key", files: []string{certificate, key}, parse: func(contents [][]byte) (*tls.Certificate, error) {
		pair, err := tls.X509KeyPair(contents[0], contents[1])
		if err != nil {
			return nil, fmt.Errorf("--tls-cert %s, --tls-key %s: %w%s", certificate, key, err, remedyOf(contents, err))
		}
		warnOfReaders(key)
		warnOfCertificate(certificate, pair.Leaf)
		return &pair, nil
	}}
	if err := c.open(); err != nil {
		if !strings.Contains(err.Error(), "--tls-cert") {
			err = fmt.Errorf("--tls-cert, --tls-key: %w", err)
		}
		return nil, err
	}
	return c, nil
}

// remedyOf says what to do about a pair of files that tls.X509KeyPair refuses.
func remedyOf(contents [][]byte, err error) string {
	certificate, key := contents[0], contents[1]
	isKey := bytes.Contains(certificate, []byte("PRIVATE KEY-----")) && !bytes.Contains(certificate, []byte("BEGIN CERTIFICATE-----"))
	switch {
	case isKey && bytes.Contains(key, []byte("BEGIN CERTIFICATE-----")):
		return ": the two files have changed places"
	case bytes.Contains(key, []byte("ENCRYPTED")):
		return ": the key is encrypted: write it without a password, as openssl pkey -in KEY -out PLAIN does"
	case strings.Contains(err.Error(), "does not match"), strings.Contains(err.Error(), "do not match"):
		return ": give the key that the certificate was made with, and the server's certificate before those of authorities"
	case len(bytes.TrimSpace(certificate)) == 0 || len(bytes.TrimSpace(key)) == 0:
		return ": the file is empty"
	}
	return ": give PEM files, as openssl x509 -inform DER -in CERT and openssl pkey -inform DER -in KEY make them of others"
}

// warnOfCertificate warns of what clients will refuse.
func warnOfCertificate(file string, leaf *x509.Certificate) {
	const day = "2006-01-02 15:04 MST"
	switch now := time.Now(); {
	case now.After(leaf.NotAfter):
		logrus.Warnf("%s: the certificate expired on %s, and clients will refuse it: renew it; the server takes the new one by itself", file, leaf.NotAfter.Format(day))
	case now.Before(leaf.NotBefore):
		logrus.Warnf("%s: the certificate is not valid before %s, and clients will refuse it: check the clock, or use another one", file, leaf.NotBefore.Format(day))
	default:
		logrus.Infof("%s: the certificate is valid until %s", file, leaf.NotAfter.Format(day))
	}
	if len(leaf.DNSNames)+len(leaf.IPAddresses) == 0 {
		logrus.Warnf("%s: the certificate names no host, and clients will refuse it: make one with a subjectAltName", file)
	}
}
