// Package featurestore writes feature vectors of pictures as a directory of Parquet or Arrow
// files, and reads them back as streams or matrices. It checks, merges and compacts datasets.
// As the one that knows Parquet, it also reads tables of pictures (Pictures).
//
// It knows shards, footers, the manifest and how to keep them whole. It knows nothing of
// models, inference or pixels: a recipe (package recipe) says what the vectors are, and the
// package stores it without understanding it. It is the only one that imports Arrow.
//
// # Nouns
//
// A dataset is a directory. A row is one picture: its path, label, split, hash, size, and one
// vector per layer. A failure is a picture without vectors. A shard is one file of rows. The
// manifest says what the dataset consists of.
//
// # Directory
//
//	data/part-00000.parquet  the rows, in the order of Append (or .arrow);
//	data/part-00001.parquet  nothing else is in data/, so that readers take it as it is
//	.fovea/errors.jsonl      the failures, one JSON object a line; may be empty
//	.fovea/manifest.json     see Manifest
//	.fovea/seen/             what the pictures of each shard, and of the failures, were read from
//	.fovea/lock              locked while a writer works, and then removed
//	.fovea/tmp/              files being written; gone after Close or Abort
//	.fovea/next/, arriving/, leaving/
//	                         a dataset on its way into the directory, and rows on their way out
//
// What pictures were read from is no column, since it differs where rows are equal; see Row.Seen. A
// file of .fovea/seen names the shard that it is of by SHA-256, and its own SHA-256 is its end: it
// may be missing, left over or damaged, and then says nothing. It comes before its shard, and is not
// waited for until it is on disk. Merge, Compact, Remove and Assemble take it along.
//
// Whoever points a reader at the directory itself gets the rows or an error: there is no file at
// the top that could pass for one of the table. Earlier versions had manifest.json, errors.parquet
// and .lock there; such datasets are read, and moved when they are written to.
//
// # Shards
//
// The columns are path (string), label and split (string, nullable), sha256 (string), width
// and height (int32), and one column of vectors per layer, named as the layer: a fixed-size
// list of float32 or float16, flattened in the layer's layout. Only label and split have
// nulls; the elements of lists are declared to have none, since ClickHouse computes with no
// others. Strings are UTF-8; see EscapeText for file names that are not.
//
// Every shard but the last has the same number of rows (unless the dataset was assembled of
// several writers' shards, see Assemble), which follows from the vectors' size
// and Options.ShardBytes. The same rows and recipe make the same bytes, however they were
// split into calls of Append and however often the writing was interrupted and resumed: no
// time and no device is in a shard.
//
// The footer's metadata (in Arrow, the schema's) explains the shard by itself:
//
//	features.fingerprint     of the recipe; the same for all shards
//	features.model, .model_sha256, .preprocessing, .resize, .interpolation, .precision,
//	features.pool, .library, .tool_version
//	features.<layer>.shape   a JSON array, such as [7,7,512]
//	features.<layer>.layout  HWC or C
//	features.<layer>.dtype   float32 or float16
//	features.recipe          all of the recipe as JSON
//
// In Parquet, a vector is a list<float> column, and the schema under ARROW:schema declares
// the fixed size. So pyarrow, pandas and Polars see vectors of a fixed size, and readers that
// ignore that schema (DuckDB, Spark) see lists. The list is written as such since the Parquet
// writer of this version of Arrow loses values of fixed-size lists without an error. Pages are
// V1, compressed by zstd at level 1; row groups hold 64 MiB of values.
//
// Arrow files hold fixed-size lists, uncompressed, to be mapped into memory; so reads them
// Scan. They are about five times larger. Since Arrow has no checksums, they have some of their own
// between the records and the footer, where only this package looks; see ipcsums.go.
//
// # What is checked when
//
// No changed bit is read silently: reading gives what was written, or ErrCorrupt with the file's name.
//
//	manifest.json   its checksum, its last member, and all that it says: at Open
//	errors.jsonl    its size at Open, its SHA-256 in the manifest when it is read
//	*.parquet, *.arrow
//	                the SHA-256 of their last 64 KiB, in the manifest: at Open. So a shard of another dataset,
//	                of the same recipe and size, is not taken for this one's
//	*.parquet       footer against manifest at Open; each page's checksum when it is read
//	*.arrow         footer and its checksum at Open; that of each block of 64 KiB when a wanted
//	                column of a record lies in it
//	*.arrow of earlier versions: the manifest's SHA-256 when rows are first read, once in a process as
//	                long as device, inode, size and times of the file stay the same
//
// Check compares the SHA-256 of every file as well. While a writer works, and after it was killed, the
// manifest lists the shards that were there when it began and says nothing of errors.jsonl; the shards
// written since then have their own checksums. Those of Arrow from killed writers of earlier versions
// have none at all. Manifests of earlier versions have no checksum either: of them, that is found which
// does not agree with itself or with the files.
//
// # What survives
//
// A file gets its final name when it is complete and on disk, so whatever has a final name is
// valid at any time, also after a full disk, a killed process or a power cut. A killed writer
// leaves its finished shards under a manifest that says "writing"; resuming goes on after
// them. Merge and Compact make the new dataset beside the old one, in .NAME.new, and exchange the
// directories in one step.
//
// Where that cannot be, at a mount point or on NFS, the new dataset is made in .fovea/next (at a
// mount point, otherwise still beside), renamed as a whole to .fovea/arriving, and from there its
// files take their places. Readers of this package look for it in both, so that for them the first
// renaming is the one step. Other programs may find no data/ for a moment and, by a pattern such as
// DIR/**/*.parquet, both datasets. Overwriting by Create empties a directory in the same way.
//
// # Loss of power
//
// Of the file system little is assumed: that fsync of a file puts its content on disk, that of a
// directory its names, and that a rename, or an exchange of two names, is one step. What has not
// been put on disk may be there after a loss of power or not, all or in part, in any order. So
// content is on disk before its name is, a directory's own name before its first file, and a step
// before the next one that counts on it. What Options.Written has told of, and all rows once
// Close has returned, are there after any loss of power.
//
// The tests record what writers, Merge, Compact, Remove, Assemble and Partition ask of the system,
// and read, verify and resume what may be left at every moment of it (see internal/crashtest).
//
// # Readers
//
// Readers take no lock. A Dataset is what was there when it was opened: every file that is opened
// later must be that of then, by its inode, size and time, or reading ends with ErrReplaced. Open
// reads again what was replaced meanwhile.
//
// # Locks
//
// A writer is whoever makes, changes, replaces or empties a dataset. It holds .fovea/lock of the
// directory that the dataset is for, which is made if it is not there, from before it looks at what
// is there until everything that it made for itself is gone. Another gets ErrLocked and changes
// nothing.
//
//	what                              is protected by
//	DIR/data, DIR/.fovea              the lock of DIR
//	DIR/.fovea/tmp, next, arriving,   the lock of DIR; what is there without a writer is of a dead one,
//	leaving                           and the next writer finishes (arriving) or deletes it
//	.DIR.new beside DIR, with all     the lock of DIR; the same. Its own lock besides, as any dataset's:
//	that is in it                     it is held again before the directories are exchanged, and until
//	                                  .DIR.new, which is then the old dataset, is deleted. So DIR is
//	                                  locked all the time, whichever of the two it is
//	.OUT.partition beside OUT         its own lock, which stands for OUT, of which there is nothing
//	the parts of Merge and Assemble   nothing: they are read, see above. If DIR is one of them, it is
//	                                  opened again under the lock
//	DIR/.lock                         itself, if it is there: programs of earlier versions hold it
//
// A lock is that of the operating system (flock), so it ends with its process. Its file is removed
// by who holds it; one that was opened before and locked after that is not taken for a lock.
//
// # Limits
//
// Paths are kept in memory while writing and checking, to tell duplicates. A writer holds two
// records (of up to 4 MiB of values, or one row if that is more) and, for Parquet, the compressed
// row group. So does each of the readers of a scan, with three records.
package featurestore
