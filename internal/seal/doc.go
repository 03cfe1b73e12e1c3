// Package seal appends a checksum to the text of a JSON object, so that readers detect a changed byte
// anywhere in the text. Readers that do not know of the checksum see one more member.
//
// It knows JSON and SHA-256. It must not know what the objects say.
package seal
