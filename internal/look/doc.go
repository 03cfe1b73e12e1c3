// Package look is how fovea's pages look: one style sheet, in light and dark, and one palette for
// classes, which the report, the contact sheets, the plots, the explorer and the server's page share.
//
// It knows fonts, colours, how names are shown, and what pages that are one file may load: nothing. It must not know
// what a page shows.
package look
