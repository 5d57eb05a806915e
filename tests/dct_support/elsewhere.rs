//! People who are not in the room and have nothing but OpenSSL: a key of their own, its proof of possession, and signatures over
//! what a bundle wants from them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use officiant::{
    transfer::{
        Bundle, Gun,
        bundle::{BUNDLE, payload_name},
        collection,
    },
    tuf::{Dialect, KeyId, PublicKey},
};

use super::{Elsewhere, Publisher, Said};

/// Runs `openssl`, which has to end well.
pub fn openssl(args: &[&str]) -> Vec<u8> {
    let done = Command::new("openssl").args(args).output().expect("openssl starts");
    assert!(done.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    done.stdout
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// Signs a file as its owner does.
pub fn sign(key: &Path, file: &Path, signature: &Path) {
    let kind = String::from_utf8(openssl(&["pkey", "-in", text(key), "-noout", "-text"])).expect("text");
    if kind.starts_with("ED25519") {
        openssl(&["pkeyutl", "-sign", "-rawin", "-inkey", text(key), "-in", text(file), "-out", text(signature)]);
        return;
    }
    if kind.contains("modulus:") {
        let pss = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"];
        let args = ["-sign", text(key), "-out", text(signature), text(file)];
        openssl(&[&["dgst", "-sha256"][..], &pss, &args].concat());
        return;
    }
    openssl(&["dgst", "-sha256", "-sign", text(key), "-out", text(signature), text(file)]);
}

/// The canonical id of the key in a private PEM.
pub fn keyid_of(pem: &Path) -> KeyId {
    let public = openssl(&["pkey", "-in", text(pem), "-pubout"]);
    let public = PublicKey::from_spki_pem(&String::from_utf8(public).expect("PEM")).expect("a key");
    Dialect::Notary.key(&public).expect("a key of the dialect").id()
}

impl Publisher<'_> {
    /// The private key of somebody elsewhere; what they gave to the ceremony lies among its inputs.
    pub fn private(&self, name: &str) -> PathBuf {
        self.place.join(format!("{name}.pem"))
    }

    /// Somebody makes a key for `role`, and shows that they hold it.
    pub fn elsewhere(&self, name: &str, role: &str) -> Elsewhere {
        self.elsewhere_of(&["EC", "-pkeyopt", "ec_paramgen_curve:prime256v1"], name, role)
    }

    /// The same with a key of this kind, as OpenSSL calls it.
    pub fn elsewhere_of(&self, kind: &[&str], name: &str, role: &str) -> Elsewhere {
        let pem = self.private(name);
        openssl(&[&["genpkey", "-out", text(&pem), "-algorithm"], kind].concat());
        self.shows(name, name, role)
    }

    /// Whoever holds the private key `of` shows that they do, under the name `name`.
    pub fn shows(&self, of: &str, name: &str, role: &str) -> Elsewhere {
        let pem = self.private(of);
        let keyid = keyid_of(&pem);
        let public = openssl(&["pkey", "-in", text(&pem), "-pubout"]);
        fs::write(self.inputs().join(format!("{name}.pub")), public).expect("a file");
        let statement = format!(
            "officiant challenge 1\npurpose: possession\nrepository: docker.io/example\nrole: {role}\nkeyid: {}\nlast-day: 2099-12-31\n\
             nonce: 50f1ace97e214c7cb12546ec097f7c4e\n",
            keyid.as_str()
        );
        let (file, signature) = (self.place.join(format!("{name}.statement")), self.place.join(format!("{name}.sig")));
        fs::write(&file, &statement).expect("a file");
        // A statement is signed as TUF 1.0 signs: on P-384 with SHA-384. Notary's metadata has SHA-256 for every key.
        match String::from_utf8(openssl(&["pkey", "-in", text(&pem), "-noout", "-text"]))
            .expect("text")
            .contains("secp384r1")
        {
            true => drop(openssl(&["dgst", "-sha384", "-sign", text(&pem), "-out", text(&signature), text(&file)])),
            false => sign(&pem, &file, &signature),
        }
        let hex = officiant::digest::to_hex(&fs::read(&signature).expect("a signature"));
        let proof = format!("{statement}signature: {hex}\n");
        fs::write(self.inputs().join(format!("{name}.possession")), proof).expect("a file");
        Elsewhere { name: name.into(), keyid }
    }

    /// The bundle of a repository in a folder of bundles.
    pub fn bundle(&self, folder: &Path, gun: &str) -> Bundle {
        let gun = Gun::parse(gun).expect("a name");
        let bytes = fs::read(folder.join(collection::folder(&gun)).join(BUNDLE)).expect("a bundle");
        Bundle::parse(&bytes).expect("a bundle")
    }

    /// Signs what the bundles in `folder` want from the private key `name`, in these repositories, and lets the courier take the
    /// signatures in. The completed folder is `out`.
    pub fn completes(&self, folder: &Path, name: &str, guns: &[&str], out: &Path) -> Said {
        let (pem, keyid) = (self.private(name), keyid_of(&self.private(name)));
        let signatures = self.place.join(format!("{name}.signatures"));
        for gun in guns {
            let place = collection::folder(&Gun::parse(gun).expect("a name"));
            for want in self.bundle(folder, gun).wants.iter().filter(|want| want.keyid == keyid) {
                let payload = folder.join(&place).join(payload_name(&want.role));
                let signature =
                    signatures.join(&place).join(format!("{}.{}.sig", payload_name(&want.role), keyid.as_str()));
                fs::create_dir_all(signature.parent().expect("a folder")).expect("a folder");
                sign(&pem, &payload, &signature);
            }
        }
        self.offline(&["complete", text(folder), "--signatures", text(&signatures), "-o", text(out)])
    }
}
