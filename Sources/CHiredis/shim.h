// hiredis 0.14 or newer. No pkg-config: its flags point one directory too deep and raise warnings.
#include <hiredis/hiredis.h>
