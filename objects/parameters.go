package objects

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"fovea/internal/lazy"
)

// parameters are those that gocloud.dev/blob takes in a URL, by scheme. prefix and key are not among them: they
// would move names behind the back of the dialects.
var parameters = map[string][]string{
	"s3": {
		"accelerate", "anonymous", "awssdk", "disable_https", "dualstack", "endpoint", "fips", "hostname_immutable", "kmskeyid",
		"profile", "rate_limiter_capacity", "region", "request_checksum_calculation", "response_checksum_validation", "role",
		"s3ForcePathStyle", "ssetype", "use_path_style",
	},
	"gs":     {"access_id", "anonymous", "grpc", "private_key_path", "universe_domain", "zonal"},
	"azblob": {"cdn", "domain", "localemu", "protocol", "storage_account"},
	"mem":    {},
}

// secretive are names of parameters that hold credentials, or come with one in a signed URL.
var secretive = lazy.Regexp(`(?i)secret|token|passw|credential|signature|authorization|access|.key|sas|auth|^x-(amz|goog)-|^(sig|se|sp|sr|st|sv|skoid|sktid|ske|sks|skv|spr|sip|pwd|user)$`)

// ordinary is how the name of a parameter looks that may be shown.
var ordinary = lazy.Regexp(`^[A-Za-z][A-Za-z_-]{0,30}$`)

// checkParameters refuses what the provider's library does not take, before it is asked. Values are never shown,
// and of names only those that cannot be credentials themselves.
func checkParameters(u *url.URL) error {
	allowed := parameters[strings.ToLower(u.Scheme)]
	unknown := ""
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		name, value, _ := strings.Cut(part, "=")
		switch {
		case part == "":
		case slices.Contains(allowed, name):
			if text, err := url.QueryUnescape(value); name == "endpoint" && (err != nil || !IsServer(text)) {
				return errors.New("the parameter endpoint is not the address of a server: write one such as http://127.0.0.1:9000")
			}
		case slices.ContainsFunc(allowed, func(a string) bool { return strings.EqualFold(a, name) }): // in another case
			unknown = name
		case value == "" || !ordinary().MatchString(name) || secretive().MatchString(name):
			return ErrCredentials
		case unknown == "":
			unknown = name
		}
	}
	_, err := url.ParseQuery(u.RawQuery)
	switch {
	case unknown == "" && err != nil: // the library would pass over some
		return errors.New("its parameters cannot be read: write %25 for a % and %3B for a ; in their values")
	case unknown == "":
		return nil
	case len(allowed) == 0:
		return fmt.Errorf("unknown parameter %s: %s:// takes none", unknown, u.Scheme)
	}
	return fmt.Errorf("unknown parameter %s: %s:// takes %s (a ? in a name is written %%3F)", unknown, u.Scheme, strings.Join(allowed, ", "))
}

// IsServer reports whether a text is the address of a web server, as the settings of providers' libraries expect.
func IsServer(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}
