//! What crosses the air gap as QR codes: where codes are read from, what came in, and what is shown.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::operation::ExportedFile;
use crate::{digest::Digest, text::shown};

/// Where codes come from, as a script says it: `pictures:photographs`, `serial:/dev/ttyACM0`, `keyboard`,
/// `camera:/dev/video0`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum FrameSource {
    /// Photographs or a video: a file, or a folder of files, beside the script or at an absolute path.
    Pictures(String),
    /// A scanner on this serial port.
    Serial(String),
    /// A scanner that types like a keyboard.
    Keyboard,
    /// The camera at this device.
    Camera(String),
}

/// The camera where none is named.
pub const CAMERA_USUAL: &str = "/dev/video0";

impl FrameSource {
    /// The source as words for people.
    pub fn words(&self) -> String {
        match self {
            Self::Pictures(path) => format!("the pictures in {}", shown(path)),
            Self::Serial(port) => format!("the scanner at {}", shown(port)),
            Self::Keyboard => "the scanner that types".into(),
            Self::Camera(device) => format!("the camera at {}", shown(device)),
        }
    }
}

impl FromStr for FrameSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = |path: &str| {
            let plain = !path.is_empty() && !path.split('/').any(|part| part == "..") && !path.contains('\0');
            plain.then(|| path.to_owned()).ok_or_else(|| "a path without .. stands behind the colon".to_owned())
        };
        match text.split_once(':') {
            None if text == "keyboard" => Ok(Self::Keyboard),
            None if text == "camera" => Ok(Self::Camera(CAMERA_USUAL.into())),
            Some(("pictures", rest)) => Ok(Self::Pictures(path(rest)?)),
            Some(("serial", rest)) if rest.starts_with('/') => Ok(Self::Serial(path(rest)?)),
            Some(("camera", rest)) if rest.starts_with('/') => Ok(Self::Camera(path(rest)?)),
            _ => Err("it is pictures:FILE-OR-FOLDER, serial:/dev/PORT, keyboard or camera:/dev/DEVICE".into()),
        }
    }
}

impl fmt::Display for FrameSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pictures(path) => write!(f, "pictures:{path}"),
            Self::Serial(port) => write!(f, "serial:{port}"),
            Self::Keyboard => f.write_str("keyboard"),
            Self::Camera(device) => write!(f, "camera:{device}"),
        }
    }
}

impl TryFrom<String> for FrameSource {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<FrameSource> for String {
    fn from(source: FrameSource) -> Self {
        source.to_string()
    }
}

/// A parcel that came in and whose words were compared. Its bytes stand in the record, in `inputs/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Received {
    /// The folder beside the script in which its files count as lying; empty for the script's own folder.
    pub folder: String,
    /// The SHA-256 of its bytes.
    pub parcel: Digest,
}

impl Received {
    /// The name that a file of the script would have in this parcel.
    pub fn name_of<'a>(&self, path: &'a str) -> Option<&'a str> {
        if self.folder.is_empty() {
            return Some(path);
        }
        path.strip_prefix(&self.folder)?.strip_prefix('/')
    }
}

/// Which files of the record are shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shown {
    /// These.
    Files(Vec<ExportedFile>),
    /// All bundles in `publish/`, which have this manifest.
    Bundles {
        /// The SHA-256 of the manifest.
        manifest: Digest,
    },
}

/// The name under which a file of the record crosses: `metadata/2.root.json` as `2.root.json`, what lies in `publish/` as below it.
pub fn crosses_as(name: &str) -> &str {
    name.split_once('/').map_or(name, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_written_as_it_is_read() {
        for text in [
            "pictures:photographs",
            "pictures:/media/stick/screen.avi",
            "serial:/dev/ttyACM0",
            "keyboard",
            "camera:/dev/video2",
        ] {
            assert_eq!(text.parse::<FrameSource>().map(|source| source.to_string()).as_deref(), Ok(text));
        }
        assert_eq!("camera".parse(), Ok(FrameSource::Camera("/dev/video0".into())));
        for text in [
            "",
            "keyboard:",
            "pictures:",
            "pictures:../x",
            "pictures:a/../b",
            "serial:ttyACM0",
            "serial:",
            "camera:",
            "camera:video0",
            "camera:/dev/../etc/passwd",
        ] {
            assert!(text.parse::<FrameSource>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_file_of_the_script_has_a_name_in_a_parcel() {
        let received = |folder: &str| Received { folder: folder.into(), parcel: Digest::of(b"") };
        assert_eq!(received("").name_of("keys/a.pem"), Some("keys/a.pem"));
        assert_eq!(received("collection").name_of("collection/MANIFEST"), Some("MANIFEST"));
        assert_eq!(received("collection").name_of("collections/MANIFEST"), None);
        assert_eq!(received("collection").name_of("keys/a.pem"), None);
    }
}
