//! A certificate authority for loopback, made anew for each test by `openssl`, which the tests need anyway as an independent
//! hand: no certificate library has to be built for it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::done;

/// The folder that holds `ca.crt`, and `server.crt` and `server.key` for `localhost` and 127.0.0.1.
pub struct Pki(PathBuf);

impl Pki {
    pub fn new(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).expect("a folder");
        let pki = Self(folder.to_owned());
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-sha256"];
        let mut authority = Command::new("openssl");
        authority.args(["req", "-x509"]).args(key).args([
            "-subj",
            "/CN=Loopback CA",
            "-keyout",
            "ca.key",
            "-out",
            "ca.crt",
        ]);
        authority.args(["-addext", "keyUsage=critical,keyCertSign"]);
        done(authority.current_dir(folder));
        let mut request = Command::new("openssl");
        request.args(["req", "-new"]).args(&key[..5]).args([
            "-subj",
            "/CN=localhost",
            "-keyout",
            "server.key",
            "-out",
            "server.csr",
        ]);
        done(request.current_dir(folder));
        std::fs::write(
            folder.join("server.ext"),
            "subjectAltName=DNS:localhost,IP:127.0.0.1\nkeyUsage=critical,digitalSignature\nbasicConstraints=CA:FALSE\n",
        )
        .expect("a file");
        let mut certificate = Command::new("openssl");
        certificate.args(["x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"]);
        certificate.args(["-days", "30", "-sha256", "-extfile", "server.ext", "-out", "server.crt"]);
        done(certificate.current_dir(folder));
        pki
    }

    pub fn ca(&self) -> PathBuf {
        self.0.join("ca.crt")
    }

    pub fn certificate(&self) -> PathBuf {
        self.0.join("server.crt")
    }

    pub fn key(&self) -> PathBuf {
        self.0.join("server.key")
    }
}
