//! A terminal, and the people in front of it.
#![allow(dead_code, reason = "each test program uses a part")]

pub mod driver;
pub mod people;
