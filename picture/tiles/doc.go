// Package tiles cuts large images into square tiles, each of which package picture decodes as an image of its own. A
// Spec says how: their size and stride, and the level of the pyramid that they are cut from.
//
//	spec, err := tiles.Parse("224:112")
//	cutter, err := tiles.Open(ctx, file, size, spec, options)
//	places, empty, err := cutter.Places()
//	data, err := cutter.Tile(places[0])
//
// Tiles come row by row, each from left to right. They lie on a grid that begins in the upper left corner; those that
// would stand over the right or lower edge are moved inward, so that everything is covered. A side that is shorter than
// a tile gives one tile, which is transparent beyond the edge. Places are in pixels of the level, of the image as
// it is stored; a tile is turned as the image is.
//
// TIFFs are decoded piece by piece, all other images as a whole: see picture.Scene.
//
// The package knows grids. It must not know models, folders or rows.
package tiles
