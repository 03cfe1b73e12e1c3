// Package featurestore writes feature vectors of images as a directory of Parquet or Arrow files,
// and reads them back as streams or matrices. It checks, merges, compacts, revises and updates datasets.
//
// It knows shards, footers, the manifest and how to keep them consistent. It must not know models,
// inference or pixels: a recipe (package recipe) says what the vectors are, and this package stores
// it without interpreting it. Only this package and those below it import Arrow.
//
// # Terms
//
// A dataset is a directory. A row is one image: its path, label, split, hash, size, and one vector
// per layer. A failure is an image without vectors. A shard is one file of rows. The manifest says
// what the dataset consists of.
//
// # Directory
//
//	data/part-00000.parquet  the rows, in the order of Append (or .arrow);
//	data/part-00001.parquet  nothing else is in data/, so that readers can take all of it
//	.fovea/errors.jsonl      the failures, one JSON object per line; may be empty
//	.fovea/manifest.json     see Manifest
//	.fovea/seen/             what the images of each shard, and of the failures, were read from
//	.fovea/lock              locked while a writer works, then removed
//	.fovea/tmp/              files being written; gone after Close or Abort
//	.fovea/sync/, add/       new rows of an update, and new columns, that are being made, where they cannot be beside
//	                         the directory
//	.fovea/next/, arriving/, leaving/
//	                         a dataset on its way into the directory, and rows on their way out
//
// What images were read from is not a column, because it differs where rows are equal; see
// Row.Seen. A file in .fovea/seen names its shard by SHA-256 and ends with its own SHA-256. If it is
// missing, left over or damaged, it says nothing. It is written before its shard, without waiting
// until it is on disk. Merge, Compact, Remove, Revise and Assemble carry it along.
//
// A reader pointed at the directory itself gets the rows or an error: no file at the top could pass
// for part of the table. Earlier versions had manifest.json, errors.parquet and .lock there; such
// datasets are read, and converted when they are written to.
//
// # Shards
//
// The columns are path (string), label and split (string, nullable), sha256 (string), width and
// height (int32), and one column of vectors per layer, named after the layer: a fixed-size list of
// float32 or float16, flattened in the layer's layout. Only label and split have nulls, and the
// columns on request (Extra), which come before those of layers: group (string), and crs (string),
// x_min, y_min, x_max and y_max (float64), of which all bounds are null or none. List
// elements are declared as not null, because ClickHouse cannot compute with nullable ones. Strings
// are UTF-8; see EscapeText for file names that are not.
//
// Every shard but the last has the same number of rows, which follows from the size of the vectors
// and Options.ShardBytes (unless the dataset was assembled from the shards of several writers, see
// Assemble). The same rows and recipe give the same bytes, however they were divided into calls of
// Append and however often writing was interrupted and resumed: shards contain neither times nor
// devices.
//
// The footer's metadata (in Arrow, the schema's) makes each shard self-describing:
//
//	features.fingerprint     of the recipe; the same for all shards
//	features.model, .model_sha256, .preprocessing, .resize, .interpolation, .precision, .method (if any),
//	features.pool, .library, .tool_version
//	features.<layer>.shape   a JSON array, such as [7,7,512]
//	features.<layer>.layout  HWC or C
//	features.<layer>.dtype   float32 or float16
//	features.<layer>.of      the layer's name within its model, if the column has another one
//	features.extra_columns   the columns on request, if there are any: group,georeference
//	features.recipe          the whole recipe as JSON
//
// A manifest with columns on request is of version 3. How groups were found (Info.Grouping) is in the manifest alone.
//
// Where columns are of several models (recipe.Recipe.Added), or of one that was shown the images in several ways, what
// says how vectors were made is there for each column instead of once: features.<layer>.model to features.<layer>.library.
// The manifest is then of version 2, as it is if a column has another name than its layer, and programs that know
// version 1 alone refuse it. They also refuse such a shard by itself, whose fingerprint is not that of what they understand
// of the recipe.
//
// In Parquet, a vector is a list<float> column, and the schema under ARROW:schema declares the fixed
// size. So pyarrow, pandas and Polars see vectors of a fixed size, while readers that ignore that
// schema (DuckDB, Spark) see lists. The column is a plain list because the Parquet writer of this
// version of Arrow silently loses values of fixed-size lists. Pages are V1, compressed by zstd at
// level 1; row groups hold 64 MiB of values.
//
// Arrow files hold uncompressed fixed-size lists, for memory mapping, which is how Scan reads them.
// They are about five times larger. Since Arrow has no checksums, this package adds its own between
// the records and the footer, where no other reader looks; see ipcsums.go.
//
// # What is checked when
//
// No changed bit is read silently: reading gives what was written, or ErrCorrupt with the file's
// name.
//
//	manifest.json   its checksum (its last member) and its consistency: at Open
//	errors.jsonl    its size at Open, its SHA-256 in the manifest when it is read
//	*.parquet, *.arrow
//	                the SHA-256 of the last 64 KiB, in the manifest: at Open. So a shard of another
//	                dataset with the same recipe and size is noticed
//	*.parquet       footer against manifest at Open; each page's checksum when it is read
//	*.arrow         footer and its checksum at Open; the checksum of each block of 64 KiB when a
//	                requested column of a record lies in it
//	*.arrow of earlier versions: the manifest's SHA-256 when rows are first read, once per process
//	                while device, inode, size and times of the file stay the same
//
// Check also compares the SHA-256 of every file. While a writer works, and after it was killed, the
// manifest lists the shards that existed when it began and says nothing about errors.jsonl; shards
// written since then have their own checksums. Arrow shards left by killed writers of earlier
// versions have none at all. Manifests of earlier versions have no checksum either: only
// contradictions, within the manifest or with the files, are noticed there.
//
// # What survives
//
// A file gets its final name when it is complete and on disk, so whatever has a final name is valid
// at any time, even after a full disk, a killed process or a power cut. A killed writer leaves its
// finished shards under a manifest with the status "writing"; resuming continues after them. Merge,
// Compact, Remove, Revise and Update build the new dataset beside the old one, in .NAME.new, and swap the
// directories in a single step. Shards that Revise does not change are in both by links, since files
// never change. Of the others it copies vectors, hashes and sizes of images as they are encoded, after comparing the file
// with the manifest's SHA-256. Columns are added and dropped in the same way: shards and row groups keep their rows, and
// vectors in other columns the bytes of their pages.
//
// Where a swap is impossible, at a mount point or on NFS, the new dataset is built in .fovea/next
// (at a mount point; otherwise still beside), renamed as a whole to .fovea/arriving, and its files
// are moved to their places from there. Readers of this package look in both places, so for them
// the first rename is the single step. Other programs may briefly find no data/ or, with a pattern
// such as DIR/**/*.parquet, both datasets. Create with Overwrite empties a directory in the same
// way.
//
// # Power cuts
//
// Little is assumed of the file system: fsync of a file puts its content on disk, fsync of a
// directory the names in it, and a rename or an exchange of two names is one step. Everything that
// was not synced may be there after a power cut or not, wholly or partly, in any order. Therefore
// content is synced before its name, a directory's own name before its first file, and each step
// before the next one that relies on it. Everything reported to Options.Written, and all rows once
// Close has returned, survive any power cut.
//
// The tests record the system calls of writers, Merge, Compact, Remove, Revise, Assemble and Partition, and
// read, verify and resume every state that a power cut may leave at any moment (see
// internal/crashtest).
//
// # Readers
//
// Readers take no lock. A Dataset is what was there when it was opened: every file opened later must
// still be the same, by inode, size and time; otherwise reading ends with ErrReplaced. Open starts
// over when something is replaced meanwhile.
//
// # Locks
//
// A writer is whatever creates, changes, replaces or empties a dataset. It holds .fovea/lock of the
// directory that the dataset is for, creating that if necessary, from before it looks at what is
// there until all its temporary files are gone. A second writer gets ErrLocked and changes nothing.
//
//	what                              is protected by
//	DIR/data, DIR/.fovea              the lock of DIR
//	DIR/.fovea/tmp, next, arriving,   the lock of DIR. If there is no writer, they were left by a dead
//	leaving                           one: the next writer completes (arriving) or deletes them
//	.DIR.sync beside DIR, or          the lock of DIR; the Writer of that dataset also takes its own. It stays until
//	.fovea/sync in it                 an Update is committed or finds nothing to do, so that the next one can go on
//	                                  with it. In DIR its shards are .arrow in a dataset of .parquet and the other
//	                                  way round, for the sake of patterns such as DIR/**/*.parquet
//	.DIR.add beside DIR, or           the same, for new columns (BeginColumns)
//	.fovea/add in it
//	.DIR.new beside DIR, with all     the lock of DIR, in the same way. It also has its own lock, like any
//	its contents                      dataset, which is taken again before the directories are swapped
//	                                  and held until .DIR.new, by then the old dataset, is deleted.
//	                                  So DIR is locked all the time, whichever of the two it is
//	.OUT.partition beside OUT         its own lock, which stands for OUT, which does not exist yet
//	the inputs of Merge and Assemble  nothing: they are read, see above. If DIR is one of them, it is
//	                                  opened again under the lock
//	DIR/.lock                         itself, if it exists: programs of earlier versions hold it
//
// A lock is one of the operating system (flock), so it ends with its process. Its holder removes its
// file; a file that was opened before the removal and locked after it does not count as a lock.
//
// # Limits
//
// Paths are kept in memory while writing and checking, to detect duplicates. A writer holds two
// records (of up to 4 MiB of values, or one row if that is more) and, for Parquet, the compressed row
// group. Each reader of a scan holds the same, with three records.
package featurestore
