// Loads the library unless it is there already. Returns NULL, or why it cannot be loaded.
const char *fovea_libtensorflow_load(void);

// A function of the library by its name, or NULL.
void *fovea_libtensorflow_symbol(const char *name);
