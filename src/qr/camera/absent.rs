//! In the place of a camera, where the program was built without one.

use std::path::Path;

use crate::{fault::Fault, files, qr::camera::Sight};

/// No camera: there is no value of it.
pub enum Camera {}

impl Camera {
    /// Says what to do instead.
    ///
    /// # Errors
    /// Always.
    pub fn open(path: &Path) -> Result<Self, Fault> {
        Err(Fault::machine(
            format!("open the camera at {}", files::name(path)),
            "this program was built without cameras. Take photographs or a video and name them, or use a program that was built with --features camera",
        ))
    }

    /// Looks for at most `milliseconds`.
    ///
    /// # Errors
    /// Never, since there is no camera.
    pub fn look(&mut self, _milliseconds: u16) -> Result<Option<Sight>, Fault> {
        match *self {}
    }
}
