// Package plain decodes images that are stored as plain rows of samples, packed by run lengths at most: BMP, PNM and
// PFM, Photoshop's merged image, TGA, PCX, DDS, QOI, SGI, Sun raster and XBM.
//
// Parse functions read a file's header and say what its pixels will take; Read decodes them into the caller's memory.
// The pixels are Pillow 13's. The package knows files and samples. It must not know what pixels are for: orientation,
// sizes of models, limits.
package plain
