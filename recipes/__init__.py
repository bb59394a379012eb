"""Dataset -> recipe -> checkpoint."""

import logging

# Says at each import that optional 4-bit CPU kernels are not installed; bitsandbytes then uses its own.
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
