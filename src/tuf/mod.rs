//! The Update Framework 1.0: keys, metadata, verification. Pure.
