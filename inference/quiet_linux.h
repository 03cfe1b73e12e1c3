// Prints what TensorFlow said so far and lets through all that it says from now on.
void fovea_verbose(void);
