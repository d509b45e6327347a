//! Terminates device MQTT; holds no fact that must survive it.
