// Package redact takes credentials out of what people and files get to see: URLs, and texts that contain
// them, such as the errors of other libraries.
//
// It knows how URLs hold credentials and which environment variables do. It must not know stores, datasets or
// logs. It judges URLs by their text, since a URL that cannot be parsed is no less secret. Of the parameters
// of a URL it shows the values of those that are known to be harmless; a list of the secret ones would never
// be complete.
package redact
