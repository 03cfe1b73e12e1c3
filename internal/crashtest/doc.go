// Package crashtest finds out what a power cut may leave of files. Only tests use it.
//
// It runs a program under strace, records what the program asked of the file system, and makes,
// one after the other, the directories that a machine might find when it comes up again after it
// lost its power at any moment of the recording. The test says of each whether a program can live
// with it. The method is that of ALICE (Pillai et al., "All File Systems Are Not Created Equal",
// OSDI 2014).
//
// # What is assumed of a file system
//
// As little as POSIX and Linux promise. A call that has returned is on disk only when a later fsync
// says so; until then it may be there or not, whatever came before or after it:
//
//   - Names belong to their directory. Making, linking, renaming and removing a name is on disk
//     after an fsync of the directory that has the name. An fsync of the file does not bring its name,
//     that of a directory does not bring the directory's own name.
//   - Content belongs to the file. It is on disk after an fsync or fdatasync of that file. Before,
//     each write may be missing, be there in part (its first half), or count for the file's size
//     only, which then has zeros. sync_file_range promises nothing.
//   - Content and names are independent: a name may be there before the content.
//
// Three things are taken for granted, as by every program that replaces files:
//
//   - A rename is one step: a name is that of the old or of the new file, and the two names of
//     RENAME_EXCHANGE change together. If the new name's directory is on disk, the old name may
//     still be there as well; but no fsync makes the old one go and leaves the new one out.
//   - A call that has failed has done nothing.
//   - What fsync has put on disk stays as it is until it is written to again.
//
// Permissions, times and owners are not looked at. Calls that change files in a way that is not
// modelled (mapped memory, copy_file_range, symbolic links and others) end the test: a recording
// accounts for everything that is in the directory in the end, or it is refused.
//
// # What is tried
//
// After every call that changes something, of the calls that are not on disk: all, none, each left
// out, each alone, the first ones alone, the last ones alone, the last write torn, all content
// missing or zero; all subsets where these are few; and some by chance, as many as the environment
// variable FOVEA_TRIALS says if it is set. States that are alike are tried once. Where they are very
// many, a test may leave most of them to chance, unless FOVEA_TRIALS is set.
//
// The package knows system calls and file systems. It must not know what is tested with it.
package crashtest
