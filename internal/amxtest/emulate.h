#ifndef FOVEA_INTERNAL_AMX_EMULATE_H_
#define FOVEA_INTERNAL_AMX_EMULATE_H_

// fovea_amx_emulate installs the handler, for the life of the process. It returns 0, or errno.
int fovea_amx_emulate(void);

#endif
