//! Reaches a device's live session on whichever bridge node it is, over core NATS.
