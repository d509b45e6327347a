//! A TCP line that can be cut, delayed and black-holed.
