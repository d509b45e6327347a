//! Cloud IoT v1: registries and devices over REST.
