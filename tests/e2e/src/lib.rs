//! Real shim, real bridge, real emulators, and a line that breaks.
