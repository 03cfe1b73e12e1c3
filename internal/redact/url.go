package redact

import (
	"net/url"
	"strconv"
	"strings"

	"fovea/internal/lazy"
)

// Hidden stands where something was taken out.
const Hidden = "REDACTED"

// harmless are the parameters whose values are shown: those of gocloud.dev/blob that say which store is meant
// and how it is spoken to.
var harmless = map[string]bool{
	"accelerate": true, "anonymous": true, "awssdk": true, "cdn": true, "disable_https": true, "domain": true,
	"dualstack": true, "endpoint": true, "fips": true, "grpc": true, "hostname_immutable": true, "key": true,
	"localemu": true, "prefix": true, "profile": true, "protocol": true, "rate_limiter_capacity": true,
	"region": true, "request_checksum_calculation": true, "response_checksum_validation": true,
	"s3forcepathstyle": true, "ssetype": true, "storage_account": true, "universe_domain": true,
	"use_path_style": true, "zonal": true,
}

// requested are further harmless parameters, of the requests that providers' libraries send. Those that continue a
// listing are not among them.
var requested = map[string]bool{
	"alt": true, "comp": true, "delimiter": true, "encoding-type": true, "fetch-owner": true, "list-type": true,
	"max-keys": true, "maxresults": true, "partnumber": true, "prettyprint": true, "projection": true, "restype": true,
	"uploadid": true, "uploads": true, "uploadtype": true, "versionid": true, "x-id": true,
}

// plain are harmless values: words, hosts and paths. They have no @, ?, = or &, so neither a user nor further
// parameters.
var plain = lazy.Regexp(`^[\pL\pN._:/\[\]+ ~-]*$`)

// switches are the harmless parameters that are on or off.
var switches = map[string]bool{
	"accelerate": true, "anonymous": true, "cdn": true, "disable_https": true, "dualstack": true, "fips": true, "grpc": true,
	"hostname_immutable": true, "localemu": true, "s3forcepathstyle": true, "use_path_style": true, "zonal": true,
}

// begin is how a URL begins. That of an object store or a web server also counts with too few slashes.
var begin = lazy.Regexp(`^(?:[A-Za-z][A-Za-z0-9+.-]*://|(?i:s3|gs|azblob|mem|https?):/)`)

// name is how the name of a parameter looks.
var name = lazy.Regexp(`^[A-Za-z][A-Za-z0-9._-]{0,40}$`)

// port ends an authority.
var port = lazy.Regexp(`^(?:[^:\[\]]*|\[[0-9A-Fa-f:.]*\])(?::[0-9]*)?$`)

// URL is a URL without credentials: without user and password, and without the values of parameters that are
// not known to be harmless. A URL without credentials, and anything else, is returned unchanged, but for the URLs
// that it contains.
func URL(s string) string {
	scheme := begin().FindString(s)
	if scheme == "" {
		return contained(s)
	}
	place, parameters, found := split(s[len(scheme):])
	place = scheme + place
	if !found {
		return place
	}
	return place + "?" + show(parameters)
}

// Place is the URL of a place without its parameters, fragment and credentials, and any other name unchanged.
// It is the same however a place is accessed.
func Place(s string) string {
	scheme := begin().FindString(s)
	if scheme == "" {
		return contained(s)
	}
	place, _, _ := split(s[len(scheme):])
	return scheme + place
}

// Misplaced reports whether a URL of an object store names a user or a password, itself or in the address of its
// server, which no store's library would use.
func Misplaced(s string) bool {
	scheme := begin().FindString(s)
	if scheme == "" {
		return false
	}
	rest := s[len(scheme):]
	if withoutUser(rest) != rest {
		return true
	}
	_, parameters, _ := strings.Cut(rest, "?")
	for p := range strings.SplitSeq(parameters, "&") {
		key, value, found := strings.Cut(p, "=")
		server := strings.EqualFold(key, "endpoint") || strings.EqualFold(key, "domain")
		if server && !isHarmless(key, value, found) {
			return true
		}
	}
	return false
}

// Identity is a URL without credentials and without the parameters that may be some, so that it is the same
// for all who may access what it names. Anything else is returned unchanged.
func Identity(s string) string {
	shown := URL(s)
	if shown == s {
		return s
	}
	place, parameters, _ := strings.Cut(shown, "?")
	kept := strings.Split(parameters, "&")
	n := 0
	for _, p := range kept {
		if !strings.HasSuffix(p, Hidden) {
			kept[n], n = p, n+1
		}
	}
	if n == 0 {
		return place
	}
	return place + "?" + strings.Join(kept[:n], "&")
}

// split takes what follows a URL's scheme apart: the place without user and password, and the parameters with
// a fragment, if there are any.
func split(rest string) (place, parameters string, found bool) {
	place, parameters, found = strings.Cut(withoutUser(rest), "?")
	return contained(place), parameters, found
}

// withoutUser hides user and password, which end at the last @ if they hold characters that would end them
// earlier. An @ after a proper host belongs to a name.
func withoutUser(rest string) string {
	authority := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority = rest[:i]
	}
	last := strings.LastIndex(rest, "@")
	switch {
	case strings.Contains(authority, "@"):
	case !strings.Contains(authority, ":") || port().MatchString(authority) && last < 0:
		return rest
	case last < 0: // KEY:SECRET without an @
		return Hidden + rest[len(authority):]
	}
	return Hidden + "@" + rest[last+1:]
}

// show redacts parameters. Once a value was hidden, what follows may still be a part of it.
func show(parameters string) string {
	parts, hidden := strings.Split(parameters, "&"), false
	for i, p := range parts {
		key, value, found := strings.Cut(p, "=")
		switch {
		case p == "" || isHarmless(key, value, found):
			continue
		case found && name().MatchString(key) && !hidden:
			parts[i] = key + "=" + Hidden
		default:
			parts[i] = Hidden
		}
		hidden = true
	}
	return strings.Join(parts, "&")
}

func isHarmless(key, value string, found bool) bool {
	text, err := url.QueryUnescape(value)
	if _, wrong := strconv.ParseBool(text); wrong != nil && switches[strings.ToLower(key)] {
		return false
	}
	key = strings.ToLower(key)
	return found && err == nil && (harmless[key] || requested[key]) && plain().MatchString(text) && URL(text) == text
}
