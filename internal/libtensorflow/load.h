// Loads the library unless it is there already. Returns NULL, or why it cannot be loaded.
const char *fovea_libtensorflow_load(void);

// A function of the library by its name, or NULL.
void *fovea_libtensorflow_symbol(const char *name);

// The file that will be loaded, to be freed, or NULL if it is in none of the directories that the dynamic linker
// names: it also has a cache.
char *fovea_libtensorflow_file(void);
