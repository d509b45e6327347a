//! Commands and configuration to a device's live session.
