//! The paper script.
