// Package clitest checks what all commands must have in common.
//
// It is for tests only. It knows flags. It must not know what commands do.
package clitest
