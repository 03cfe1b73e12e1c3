package objects

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"gocloud.dev/gcerrors"

	"fovea/internal/lazy"
	"fovea/internal/wrongclock"
)

// Patience says how long to wait for answers and how often to repeat failed requests, beyond what
// the provider's library does.
type Patience struct {
	// Pauses are the pauses between attempts.
	Pauses []time.Duration
	// Answer is the time allowed for a short answer.
	Answer time.Duration
	// PerByte is added for each byte transferred.
	PerByte time.Duration
}

// DefaultPatience applies to folders opened from now on: it survives a store that is away for half
// a minute, and connections of 100 kB/s.
var DefaultPatience = Patience{
	Pauses:  []time.Duration{time.Second, 5 * time.Second, 15 * time.Second},
	Answer:  time.Minute,
	PerByte: 10 * time.Microsecond,
}

// transfer is the time allowed for a number of bytes.
func (p Patience) transfer(size int64) time.Duration {
	return p.Answer + time.Duration(size)*p.PerByte
}

// try calls until it succeeds or fails with an error that would recur.
func (p Patience) try(ctx context.Context, limit time.Duration, call func(context.Context) error) error {
	for attempt := 0; ; attempt++ {
		err := attemptOnce(ctx, limit, call)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if attempt == len(p.Pauses) || !passing(err) {
			return err
		}
		select {
		case <-time.After(p.Pauses[attempt]):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func attemptOnce(ctx context.Context, limit time.Duration, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %s", limit.Round(time.Second/10)))
	defer cancel()
	err := call(ctx)
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return err
}

// refusals are the providers' names of errors about permissions.
var refusals = []string{
	"AccessDenied", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired",
	"AuthenticationFailed", "AuthorizationFailure", "AuthorizationPermissionMismatch", "InvalidAuthenticationInfo",
}

// kind classifies errors.
type kind int

const (
	other kind = iota
	missing
	refused
	conflict
	unreachable
)

// codes are the providers' names of other errors, where package blob was not used.
var codes = map[string]kind{
	"NoSuchKey": missing, "NoSuchBucket": missing, "NotFound": missing, "BlobNotFound": missing, "ContainerNotFound": missing,
	"PreconditionFailed": conflict, "ConditionalRequestConflict": conflict, "ConditionNotMet": conflict, "BlobAlreadyExists": conflict,
}

// unauthorized is how providers' libraries say that they found no credentials, in texts that may also hold names
// of objects.
var unauthorized = lazy.Regexp(`\b(?:attempted|cached|default|find|get|invalid|load|missing|no|retrieve|static|valid) credentials\b`)

// unresolved says whether a host's name is not known, and which if that is known. The library for Azure takes that
// for a missing object, and goes by the text, which may also be what a proxy answers.
func unresolved(err error) (host string, yes bool) {
	var lookup *net.DNSError
	if errors.As(err, &lookup) && lookup.IsNotFound {
		return lookup.Name, true
	}
	return "", gcerrors.Code(err) == gcerrors.NotFound && strings.Contains(err.Error(), "no such host")
}

func kindOf(err error) kind {
	if _, yes := unresolved(err); yes { // first: nobody has said that the object is missing
		return unreachable
	}
	var coded interface{ ErrorCode() string }
	code := ""
	if errors.As(err, &coded) {
		code = coded.ErrorCode()
	}
	switch gcerrors.Code(err) {
	case gcerrors.NotFound:
		return missing
	case gcerrors.PermissionDenied:
		return refused
	case gcerrors.FailedPrecondition, gcerrors.AlreadyExists:
		return conflict
	}
	switch status := statusOf(err); {
	case slices.Contains(refusals, code) || unauthorized().MatchString(err.Error()):
		return refused
	case status == http.StatusNotFound:
		return missing
	case status == http.StatusPreconditionFailed:
		return conflict
	}
	return codes[code]
}

// statusOf is the HTTP status of an answer, or 0.
func statusOf(err error) int {
	var answer interface{ HTTPStatusCode() int }
	if errors.As(err, &answer) {
		return answer.HTTPStatusCode()
	}
	return 0
}

// unconditional says whether a store refused a request because it knows no conditions.
func unconditional(err error) bool {
	return err != nil && (statusOf(err) == http.StatusNotImplemented || gcerrors.Code(err) == gcerrors.Unimplemented)
}

// passing says whether an error may be gone at the next attempt.
func passing(err error) bool {
	switch gcerrors.Code(err) {
	case gcerrors.InvalidArgument, gcerrors.Unimplemented, gcerrors.NotFound: // of a host: Azure's library has repeated it for long enough
		return false
	}
	var wrong *url.Error
	if errors.As(err, &wrong) && wrong.Op == "parse" || strings.Contains(err.Error(), "endpoint rule error") { // of settings
		return false
	}
	status := statusOf(err)
	if status >= 400 && status < 500 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests {
		return false
	}
	kind := kindOf(err)
	return (kind == other || kind == unreachable) && !errors.Is(err, ErrChanged) && !unconditional(err)
}

// ErrChanged marks an object that is no longer the one that was listed or requested.
var ErrChanged error = changedError("it has changed since it was listed")

// errReplaced is ErrChanged after a part of the object has been read.
var errReplaced error = changedError("it was replaced while it was read")

type changedError string

func (c changedError) Error() string      { return string(c) }
func (changedError) Is(target error) bool { return target == ErrChanged || target == fs.ErrNotExist }

// marked is an error that also matches another one, without showing it.
type marked struct {
	error
	is error
}

func (m marked) Is(target error) bool { return target == m.is }
func (m marked) Unwrap() error        { return m.error }

// explain says what failed, why, and what to do. It is nil for no error.
func (f *Folder) explain(verb, name string, err error) error {
	if err == nil {
		return nil
	}
	err = f.secrets.Error(wrongclock.Explain(err))
	where := f.nameOf(name)
	bucket, _, _ := strings.Cut(strings.SplitN(f.url, "://", 2)[1], "/")
	switch kind := kindOf(err); {
	case kind == unreachable:
		host, _ := unresolved(err)
		return fmt.Errorf("cannot %s %s: the host %s cannot be resolved: check %s and the network: %w", verb, where, cmp.Or(f.secrets.Text(host), "of the store"), f.addressed(), err)
	case errors.Is(err, ErrCredentials) || wrongclock.Refused(err):
		return fmt.Errorf("cannot %s %s: %w", verb, where, err)
	case kind == missing:
		return marked{fmt.Errorf("cannot %s %s: there is no such object, or no bucket %s: %w", verb, where, bucket, err), fs.ErrNotExist}
	case kind == conflict:
		return marked{fmt.Errorf("cannot %s %s: it already exists: %w", verb, where, err), fs.ErrExist}
	case kind == refused:
		return fmt.Errorf("cannot %s %s: access is refused: give the provider's credentials (for s3:// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or a profile, for gs:// GOOGLE_APPLICATION_CREDENTIALS, for azblob:// AZURE_STORAGE_ACCOUNT and AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN), and make sure that they allow it: %w", verb, where, err)
	}
	return fmt.Errorf("cannot %s %s: %w", verb, where, err)
}

// addressed are the settings that say where the store is.
func (f *Folder) addressed() string {
	switch scheme, _, _ := strings.Cut(f.url, "://"); scheme {
	case "azblob":
		return "AZURE_STORAGE_ACCOUNT (and AZURE_STORAGE_DOMAIN, if set)"
	case "s3":
		return "the region, AWS_ENDPOINT_URL or the parameter endpoint, if set, the bucket's name"
	case "gs":
		return "STORAGE_EMULATOR_HOST, if set,"
	}
	return "its address"
}
