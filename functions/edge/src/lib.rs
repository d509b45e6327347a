//! HTTP shared by the functions: errors, authentication, paths.
