// Package extraction turns images into the rows of a dataset. Run makes or continues a dataset:
//
//	list images -> open the model -> begin the output -> take over an earlier run -> pipeline -> close, upload
//
// Estimate reads only the images' headers and says how long Run would take; Layers describes a model. Merge makes one
// dataset of several, Relabel gives the rows of one other labels, and FindDuplicates says which of its images are copies.
// Features says which numbers an image becomes, and is shared with programs that run the pipeline
// themselves.
//
// An image that cannot be read is a row of the dataset's list of failures, never an error: Result counts
// them. When the context is cancelled, Run closes the dataset with all finished rows, and a later Run with
// Options.Resume continues it. With Options.Sync or Options.Add, the dataset stays as it was until all that is new has been
// made beside it.
//
// The package joins pipeline, models and featurestore. It must not parse flags, or know terminals and exit
// statuses: it reports progress to functions in Options, and logs what people should know. Messages that
// suggest a remedy name flags of extract.
package extraction
