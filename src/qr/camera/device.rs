//! A camera by Video4Linux.
//!
//! The crate unwraps what a device says of itself, so its name is never asked for: whether a device gives pictures is seen by what it
//! answers to the wish for a format. The crate asks for a picture again only after it got one, so nothing is asked that did not come in
//! time; waiting is done here.

use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use v4l::{
    Device, Format, FourCC,
    buffer::{Flags, Type},
    io::{mmap::Stream, traits::CaptureStream as _},
    video::Capture as _,
};

use super::{Sight, why};
use crate::{
    fault::Fault,
    files,
    qr::luma::{FORMATS, Layout},
    text::shown,
};

/// The size that is wished for; a driver gives the nearest that it has. A code of 77 modules that fills it has nine pixels a module.
const WISHED: (u32, u32) = (1280, 720);
/// Pictures that the driver may fill while one is looked at. The oldest is shown first, so few.
const BUFFERS: u32 = 3;
/// A camera that gives no picture for so long gives none.
const PATIENCE: Duration = Duration::from_secs(8);
/// `POLLIN`, as the crate wants it.
const READABLE: i16 = 1;

/// A camera that is open and gives pictures.
pub struct Camera {
    stream: Stream<'static>,
    layout: Layout,
    path: PathBuf,
    /// When the last picture came.
    last: Instant,
    /// What the picture showed that came while it was opened.
    first: Option<Sight>,
}

impl Camera {
    /// Opens a camera and waits for its first picture.
    ///
    /// # Errors
    /// A fault that says what to do: no such device, none that gives pictures, one that is in use or may not be used.
    pub fn open(path: &Path) -> Result<Self, Fault> {
        let failed = |cause: io::Error| Fault::machine(doing(path), why(path, &cause));
        let device = Device::with_path(path).map_err(failed)?;
        let layout = set(&device, path)?;
        let mut stream = Stream::with_buffers(&device, Type::VideoCapture, BUFFERS).map_err(failed)?;
        stream.set_timeout(PATIENCE);
        let mut camera = Self { stream, layout, path: path.to_owned(), last: Instant::now(), first: None };
        camera.first = camera.take().map_err(|cause| match cause.kind() {
            io::ErrorKind::TimedOut => Fault::machine(doing(path), "it gives no pictures. Is its shutter closed?"),
            _ => failed(cause),
        })?;
        Ok(camera)
    }

    /// Waits at most so long for a picture and looks at it. `None` where none came, or one that was damaged.
    ///
    /// # Errors
    /// A fault where the camera is gone, or gave no picture for a while.
    pub fn look(&mut self, milliseconds: u16) -> Result<Option<Sight>, Fault> {
        if let Some(sight) = self.first.take() {
            return Ok(Some(sight));
        }
        let seen = match self.stream.handle().poll(READABLE, milliseconds.into()) {
            Ok(0) if self.last.elapsed() > PATIENCE => {
                return Err(self.failed("no pictures come any more. Unplug the camera, and plug it in again"));
            }
            Ok(0) => return Ok(None),
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => return Ok(None),
            Ok(_) => self.take(),
            Err(cause) => Err(cause),
        };
        seen.map_err(|cause| self.failed(&why(&self.path, &cause)))
    }

    fn failed(&self, cause: &str) -> Fault {
        Fault::machine(format!("read from the camera at {}", files::name(&self.path)), cause)
    }

    fn take(&mut self) -> io::Result<Option<Sight>> {
        let (bytes, about) = self.stream.next()?;
        self.last = Instant::now();
        if about.flags.contains(Flags::ERROR) {
            return Ok(None);
        }
        let used = usize::try_from(about.bytesused).unwrap_or(usize::MAX).min(bytes.len());
        Ok(self.layout.picture(&bytes[..used]).map(|picture| Sight::of(&picture)))
    }
}

fn doing(path: &Path) -> String {
    format!("open the camera at {}", files::name(path))
}

/// Wishes for the formats that are read, the best first, until the driver agrees to one.
fn set(device: &Device, path: &Path) -> Result<Layout, Fault> {
    let failed = |cause: io::Error| Fault::machine(doing(path), why(path, &cause));
    let mut given = device.format().map_err(failed)?;
    for (format, _) in FORMATS {
        given = device.set_format(&Format::new(WISHED.0, WISHED.1, FourCC::new(&format))).map_err(failed)?;
        if given.fourcc.repr == format {
            break;
        }
    }
    Layout::new(given.fourcc.repr, given.width, given.height, given.stride).ok_or_else(|| {
        let letters = shown(&String::from_utf8_lossy(&given.fourcc.repr));
        Fault::machine(
            doing(path),
            format!("it gives pictures as {letters} only, which are not read. Try another camera"),
        )
    })
}
