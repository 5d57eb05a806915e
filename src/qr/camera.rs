//! Pictures from a camera, one after the other. A program that was built with the feature `camera` has [`Camera`] from `device`; every
//! other has one that cannot be opened and says so, and whoever asks for a camera need not know which it is.

#[cfg(any(feature = "camera", test))]
use std::{io, path::Path};

use image::GrayImage;
#[cfg(any(feature = "camera", test))]
use rustix::io::Errno;

use super::{luma::is_dark, picture::text_in};

#[cfg(not(feature = "camera"))]
mod absent;
#[cfg(feature = "camera")]
mod device;

#[cfg(not(feature = "camera"))]
pub use self::absent::Camera;
#[cfg(feature = "camera")]
pub use self::device::Camera;

/// Whether this program was built to read from a camera.
pub const BUILT_IN: bool = cfg!(feature = "camera");

/// What stands in a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// A code that says this.
    Code(String),
    /// No code that could be read.
    NoCode,
    /// Next to nothing: it is dark.
    Dark,
}

impl Sight {
    /// Looks at a picture.
    pub fn of(picture: &GrayImage) -> Self {
        match text_in(picture) {
            Some(text) => Self::Code(text),
            None if is_dark(picture) => Self::Dark,
            None => Self::NoCode,
        }
    }
}

/// What it means, and what to do, where a camera cannot be opened or set.
#[cfg(any(feature = "camera", test))]
fn why(path: &Path, cause: &io::Error) -> String {
    let known = match Errno::from_io_error(cause) {
        Some(Errno::NOENT | Errno::NXIO) => {
            "there is no such device. Plug the camera in, and look for it with: ls /dev/video*"
        }
        Some(Errno::NODEV) => "the camera is gone. Plug it in again",
        Some(Errno::ACCESS | Errno::PERM) => {
            "this account may not use it. Add it to the group video (usermod -aG video NAME), and log in again"
        }
        Some(Errno::BUSY) => "another program uses this camera. End that one",
        Some(Errno::NOTTY) => "it is no video device. Cameras are /dev/video0 and so on",
        Some(Errno::INVAL) => {
            "this video device gives no pictures. A camera often has two devices: try the one before it"
        }
        Some(Errno::NOSPC) => "the camera shares its USB bus with too much else. Plug it into another port",
        _ => return format!("{cause} ({})", crate::files::name(path)),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;
    use crate::qr::{Symbol, paper};

    #[test]
    fn what_stands_in_a_picture_is_told_apart() {
        let png = paper::png(&Symbol::new("UR:COMPRESSED/AEADAOAX", 3).unwrap()).unwrap();
        let code = image::load_from_memory(&png).unwrap().into_luma8();
        assert_eq!(Sight::of(&code), Sight::Code("UR:COMPRESSED/AEADAOAX".into()));
        assert_eq!(Sight::of(&GrayImage::from_pixel(320, 240, Luma([140]))), Sight::NoCode);
        assert_eq!(Sight::of(&GrayImage::from_pixel(320, 240, Luma([9]))), Sight::Dark);
    }

    #[test]
    fn every_way_in_which_a_camera_fails_has_its_own_remedy() {
        let said = |errno: Errno| why(Path::new("/dev/video0"), &errno.into());
        for (errno, remedy) in [
            (Errno::NOENT, "ls /dev/video*"),
            (Errno::NODEV, "is gone"),
            (Errno::ACCESS, "group video"),
            (Errno::BUSY, "another program"),
            (Errno::NOTTY, "no video device"),
            (Errno::INVAL, "two devices"),
            (Errno::NOSPC, "USB bus"),
            (Errno::IO, "(/dev/video0)"),
        ] {
            assert!(said(errno).contains(remedy), "{errno:?}: {}", said(errno));
        }
    }

    #[test]
    fn what_is_no_camera_is_not_opened() {
        for path in ["/dev/null", "/dev/tty", "/etc/hostname", "/nowhere/video0"] {
            let fault = Camera::open(Path::new(path)).err().expect("it is no camera");
            let said = fault.to_string();
            assert!(said.starts_with(&format!("open the camera at {path}: ")), "{said}");
            let wanted = match cfg!(feature = "camera") {
                false => "built without cameras",
                true if path == "/dev/null" => "it is no video device",
                true if path.starts_with("/nowhere") => "there is no such device",
                true => "",
            };
            assert!(said.contains(wanted), "{said}");
        }
    }
}
