//! A script weeks ahead, without a world.
