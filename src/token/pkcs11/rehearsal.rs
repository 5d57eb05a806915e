//! Throw-away software tokens for a rehearsal: a private SoftHSM configuration inside the rehearsal's own folder.
//!
//! SoftHSM reads its configuration from the environment when it is initialised, and a running program cannot change its
//! environment safely: the program starts itself again with [`Rehearsal::environment`].

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use crate::{
    fault::{Error, Fault},
    files,
};

/// Where Debian and others install SoftHSM.
const MODULES: [&str; 6] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
];

/// Tokens of one rehearsal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rehearsal {
    /// The module, to be loaded by this path.
    pub module: PathBuf,
    configuration: PathBuf,
}

impl Rehearsal {
    /// Writes the configuration and an empty token directory into the new folder `folder`. `module` is what the operator
    /// named; otherwise SoftHSM is looked for where systems install it.
    ///
    /// # Errors
    /// `OUTPUT-FRESH` where `folder` exists; a fault where SoftHSM is not installed or the disk fails.
    pub fn prepare(folder: &Path, module: Option<&Path>) -> Result<Self, Error> {
        let module = find_module(module)?;
        files::create_directory(folder)?;
        let folder = folder.canonicalize().map_err(|e| Fault::machine(format!("open {}", files::name(folder)), e))?;
        let text = folder.to_str().filter(|text| !text.contains(['\n', '\r']));
        let text = text.ok_or_else(|| {
            Fault::machine(format!("configure SoftHSM in {}", files::name(&folder)), "the path is not plain text")
        })?;
        files::create_directory(&folder.join("tokens"))?;
        let configuration = folder.join("softhsm2.conf");
        let lines = format!(
            "# Throw-away tokens of a rehearsal.\ndirectories.tokendir = {text}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n"
        );
        files::write_new(&configuration, lines.as_bytes())?;
        Ok(Self { module, configuration })
    }

    /// The tokens of a rehearsal that was prepared before, for example to resume it.
    ///
    /// # Errors
    /// A fault where its configuration or SoftHSM is missing.
    pub fn again(folder: &Path, module: Option<&Path>) -> Result<Self, Error> {
        let module = find_module(module)?;
        let configuration = folder.join("softhsm2.conf");
        let configuration = configuration
            .canonicalize()
            .map_err(|e| Fault::machine(format!("open {}", files::name(&configuration)), e))?;
        Ok(Self { module, configuration })
    }

    /// What the program must have in its environment when it starts.
    pub fn environment(&self) -> (&'static str, OsString) {
        ("SOFTHSM2_CONF", self.configuration.clone().into_os_string())
    }

    /// Whether this process was started with [`Rehearsal::environment`].
    pub fn is_in_force(&self) -> bool {
        let (name, value) = self.environment();
        std::env::var_os(name) == Some(value)
    }
}

/// SoftHSM's module: what the operator named, or the first that is installed.
///
/// # Errors
/// A fault that says what to install.
pub fn find_module(named: Option<&Path>) -> Result<PathBuf, Fault> {
    let found = match named {
        Some(named) => named.is_file().then(|| named.to_owned()),
        None => MODULES.iter().map(PathBuf::from).find(|path| path.is_file()),
    };
    found.ok_or_else(|| match named {
        Some(named) => Fault::machine(format!("find the module {}", files::name(named)), "there is no such file"),
        None => Fault::machine(
            "find SoftHSM for a rehearsal",
            "libsofthsm2.so is not installed: apt-get install softhsm2, or name a module",
        ),
    })
}
