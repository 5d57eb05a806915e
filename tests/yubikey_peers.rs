//! The virtual YubiKey convinces the tools that drive real ones. What they do not notice, the driver's tests can rely on.

mod yubikey_support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use p256::{
    ecdsa::{Signature, SigningKey, VerifyingKey, signature::Verifier as _},
    pkcs8::{DecodePublicKey as _, EncodePrivateKey as _, LineEnding},
};
use virtual_yubikey::{Setup, VirtualYubiKeys};
use yubikey_support::{with_yubikeys, words};

/// The management key of every factory.
const FACTORY: &str = "010203040506070801020304050607080102030405060708";
const YKCS11: [&str; 2] = ["/usr/lib/x86_64-linux-gnu/libykcs11.so", "/usr/lib/aarch64-linux-gnu/libykcs11.so"];

const OPENSC: [&str; 2] = ["/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so", "/usr/lib/aarch64-linux-gnu/opensc-pkcs11.so"];

/// A program that `tests/run` installs; where it is absent the test says so.
fn installed(program: &str) -> Option<PathBuf> {
    let found = Path::new(program);
    let there =
        if found.is_absolute() { found.exists() } else { Command::new(program).arg("--version").output().is_ok() };
    if there {
        return Some(program.into());
    }
    let required = std::env::var_os("OFFICIANT_PEERS").is_some_and(|value| value == "required");
    assert!(!required, "{program} is not installed");
    eprintln!("skipped: {program} is not installed; tests/run installs it");
    None
}

/// The ykman of PyPI, in the target folder that this test program was built into.
fn new_ykman() -> Option<PathBuf> {
    let program = std::env::current_exe().unwrap();
    installed(program.ancestors().nth(3).unwrap().join("peers/ykman/bin/ykman").to_str().unwrap())
}

/// One tool on one rig, in one folder.
struct Tool<'a> {
    program: PathBuf,
    always: Vec<String>,
    rig: &'a VirtualYubiKeys,
    folder: &'a Path,
}

impl<'a> Tool<'a> {
    fn new(program: PathBuf, always: &[&str], rig: &'a VirtualYubiKeys, folder: &'a Path) -> Self {
        Self { program, always: always.iter().map(|word| (*word).to_owned()).collect(), rig, folder }
    }

    fn run(&self, arguments: &str) -> (bool, String) {
        let ended = Command::new(&self.program)
            .args(&self.always)
            .args(arguments.split_whitespace())
            .current_dir(self.folder)
            .envs([self.rig.environment()])
            .env("HOME", self.folder)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        (ended.status.success(), words(&ended))
    }

    /// Runs it, and it has to succeed.
    fn does(&self, arguments: &str) -> String {
        let (ok, text) = self.run(arguments);
        assert!(ok, "{} {arguments}\n{text}", self.program.display());
        text
    }

    fn says(&self, arguments: &str, wanted: &[&str]) {
        let text = self.does(arguments);
        for wanted in wanted {
            assert!(text.contains(wanted), "{} {arguments} does not say \"{wanted}\":\n{text}", self.program.display());
        }
    }

    fn refuses(&self, arguments: &str, wanted: &str) {
        let (ok, text) = self.run(arguments);
        assert!(!ok && text.contains(wanted), "{} {arguments}\n{text}", self.program.display());
    }
}

/// What the tool itself calls its version, for the output of a run.
fn tell(tool: &Tool<'_>) {
    let version = tool.does("--version");
    eprintln!("{}", version.lines().nth(1).unwrap_or_default());
}

fn public(file: &Path) -> VerifyingKey {
    VerifyingKey::from_public_key_pem(&fs::read_to_string(file).unwrap()).unwrap()
}

#[test]
fn ykman_of_pypi_prepares_uses_and_resets_a_5_7() {
    let name = "ykman_of_pypi_prepares_uses_and_resets_a_5_7";
    with_yubikeys(name, &Setup::of(&[("5.7.1", 12_345_678), ("5.4.3", 7_654_321)]), |rig, place| {
        let Some(program) = new_ykman() else { return };
        let ykman = Tool::new(program, &["--device", "12345678"], rig, place.path());
        tell(&ykman);
        ykman.says("info", &["5.7.1", "12345678"]);
        ykman.says("piv info", &["AES192", "default PIN", "default PUK", "default Management key", "3/3"]);
        ykman.does(&format!(
            "piv keys generate -m {FACTORY} -a ECCP256 --pin-policy ONCE --touch-policy CACHED 9c 9c.pem"
        ));
        ykman.does(&format!("piv certificates generate -m {FACTORY} -P 123456 -s CN=root 9c 9c.pem"));
        ykman.says("piv keys info 9c", &["ECCP256", "GENERATED", "ONCE", "CACHED"]);
        ykman.does(&format!("piv keys generate -m {FACTORY} -a ED25519 82 82.pem"));
        ykman.does(&format!("piv certificates generate -m {FACTORY} -P 123456 -s CN=ed 82 82.pem"));
        ykman.does(&format!("piv keys generate -m {FACTORY} -a ECCP384 9d 9d.pem"));
        ykman.does(&format!("piv keys generate -m {FACTORY} -a RSA3072 83 83.pem"));
        ykman.does("piv certificates request -P 123456 -s CN=rsa 83 83.pem 83.csr");
        ykman.does("piv keys attest 9c 9c-attested.pem");
        ykman.does("piv certificates export f9 f9.pem");
        assert_eq!(rig.control().touches(0), 1, "a touch is cached for the next signature");

        let own = SigningKey::from_slice(&[9; 32]).unwrap();
        fs::write(place.path().join("own.pem"), own.to_pkcs8_pem(LineEnding::LF).unwrap()).unwrap();
        ykman.does(&format!("piv keys import -m {FACTORY} 9a own.pem"));
        ykman.says("piv keys info 9a", &["IMPORTED"]);
        ykman.does("piv keys export 9a own-public.pem");
        assert_eq!(public(&place.path().join("own-public.pem")), *own.verifying_key());
        ykman.refuses("piv keys attest 9a no.pem", "");
        ykman.does(&format!("piv keys move -m {FACTORY} 83 84"));
        ykman.does(&format!("piv keys delete -m {FACTORY} 84"));

        ykman.does(&format!("piv access set-retries -f -m {FACTORY} -P 123456 5 4"));
        ykman.does("piv access change-pin -P 123456 -n 271828");
        ykman.does("piv access change-puk -p 12345678 -n 31415926");
        ykman.does(&format!(
            "piv access change-management-key -f -a AES256 -m {FACTORY} --generate --protect -P 271828"
        ));
        ykman.says("piv info", &["5/5", "4/4", "AES256", "stored on the YubiKey, protected by PIN", "CN=root"]);
        ykman.does("piv keys generate -P 271828 -a ECCP256 9e 9e.pem");
        ykman.refuses("piv access change-pin -P 111111 -n 222222", "4 tries left");
        ykman.does("piv reset -f");
        ykman.says("piv info", &["default PIN", "3/3"]);
    });
}

#[test]
fn ykman_of_debian_prepares_uses_and_resets_a_5_7() {
    let name = "ykman_of_debian_prepares_uses_and_resets_a_5_7";
    with_yubikeys(name, &Setup::of(&[("5.7.1", 12_345_678)]), |rig, place| {
        let Some(program) = installed("/usr/bin/ykman") else { return };
        let ykman = Tool::new(program, &["--device", "12345678"], rig, place.path());
        tell(&ykman);
        ykman.says("piv info", &["5.7.1", "3/3", "AES192"]);
        ykman.does(&format!("piv keys generate -m {FACTORY} -a ECCP256 9c 9c.pem"));
        ykman.does(&format!("piv certificates generate -m {FACTORY} -P 123456 -s root 9c 9c.pem"));
        ykman.does("piv keys attest 9c 9c-attested.pem");
        let own = SigningKey::from_slice(&[9; 32]).unwrap();
        fs::write(place.path().join("own.pem"), own.to_pkcs8_pem(LineEnding::LF).unwrap()).unwrap();
        ykman.does(&format!("piv keys import -m {FACTORY} 9a own.pem"));
        ykman.does(&format!("piv access set-retries -f -m {FACTORY} -P 123456 5 4"));
        ykman.does(&format!(
            "piv access change-management-key -f -a AES256 -m {FACTORY} --generate --protect -P 123456"
        ));
        ykman.says("piv info", &["5/5", "AES256", "root"]);
        ykman.does("piv reset -f");
        ykman.says("piv info", &["3/3", "AES192"]);
    });
}

#[test]
fn yubico_piv_tool_prepares_and_uses_a_5_4() {
    let name = "yubico_piv_tool_prepares_and_uses_a_5_4";
    with_yubikeys(name, &Setup::of(&[("5.4.3", 7_654_321)]), |rig, place| {
        let Some(program) = installed("yubico-piv-tool") else { return };
        let tool = Tool::new(program, &[], rig, place.path());
        tell(&tool);
        tool.says("-a status", &["5.4.3", "7654321", "PIN tries left:\t3"]);
        tool.does("-a generate -s 9a -A ECCP256 -o 9a.pem");
        tool.does("-a generate -s 9d -A RSA2048 -o 9d.pem");
        tool.says("-a attest -s 9a", &["BEGIN CERTIFICATE"]);
        let own = SigningKey::from_slice(&[9; 32]).unwrap();
        fs::write(place.path().join("own.pem"), own.to_pkcs8_pem(LineEnding::LF).unwrap()).unwrap();
        tool.does("-a import-key -s 9c -i own.pem");
        tool.does("-a verify-pin -P 123456");
        tool.refuses("-a verify-pin -P 111111", "2 tries left");
        tool.does("-a change-pin -P 123456 -N 271828");
        tool.does("-a change-puk -P 12345678 -N 31415926");
        tool.does("-a unblock-pin -P 31415926 -N 161803");
        tool.does(&format!("-a set-mgm-key -n {}", "a1".repeat(24)));
        tool.refuses("-a generate -s 9a -A ECCP256", "Failed authentication");
        tool.does(&format!("-a generate -s 9a -A ECCP384 --key={}", "a1".repeat(24)));
    });
}

#[test]
fn ykcs11_lists_makes_and_uses_keys_through_pkcs11_tool() {
    let name = "ykcs11_lists_makes_and_uses_keys_through_pkcs11_tool";
    with_yubikeys(name, &Setup::of(&[("5.4.3", 7_654_321)]), |rig, place| {
        let Some(program) = installed("/usr/bin/pkcs11-tool") else { return };
        let Some(module) = YKCS11.iter().find(|module| Path::new(module).exists()) else {
            installed(YKCS11[0]);
            return;
        };
        let tool = Tool::new(program, &["--module", module], rig, place.path());
        tool.says("-L", &["YubiKey PIV #7654321", "7654321"]);
        tool.does(&format!("--login --login-type so --so-pin {FACTORY} --keypairgen --key-type EC:prime256v1 --id 02"));
        tool.says("-O --login --pin 123456", &["Private Key Object; EC", "Public key for Digital Signature"]);
        tool.does("--read-object --type pubkey --id 02 -o public.der");
        fs::write(place.path().join("message"), b"root").unwrap();
        tool.does("--sign --mechanism ECDSA-SHA256 --id 02 --pin 123456 -i message -o signature --signature-format rs");
        let signature = Signature::from_slice(&fs::read(place.path().join("signature")).unwrap()).unwrap();
        let key = VerifyingKey::from_public_key_der(&fs::read(place.path().join("public.der")).unwrap()).unwrap();
        key.verify(b"root", &signature).unwrap();
    });
}

#[test]
fn opensc_takes_it_for_a_piv_card_and_reads_its_certificate() {
    let name = "opensc_takes_it_for_a_piv_card_and_reads_its_certificate";
    with_yubikeys(name, &Setup::of(&[("5.7.1", 12_345_678)]), |rig, place| {
        let (Some(opensc), Some(pkcs15), Some(ykman)) =
            (installed("/usr/bin/opensc-tool"), installed("/usr/bin/pkcs15-tool"), installed("/usr/bin/ykman"))
        else {
            return;
        };
        Tool::new(opensc, &["-r", "0"], rig, place.path()).says("-n", &["Personal Identity Verification Card"]);
        let ykman = Tool::new(ykman, &["--device", "12345678"], rig, place.path());
        ykman.does(&format!("piv keys generate -m {FACTORY} -a ECCP256 9c 9c.pem"));
        ykman.does(&format!("piv certificates generate -m {FACTORY} -P 123456 -s root 9c 9c.pem"));
        let pkcs15 = Tool::new(pkcs15, &["-r", "0"], rig, place.path());
        pkcs15.says("--list-certificates", &["Certificate for Digital Signature"]);
        pkcs15.says("--read-certificate 02", &["BEGIN CERTIFICATE"]);
        // The same through its PKCS#11 module.
        let Some(module) = OPENSC.iter().find(|module| Path::new(module).exists()) else {
            installed(OPENSC[0]);
            return;
        };
        let Some(program) = installed("/usr/bin/pkcs11-tool") else { return };
        let tool = Tool::new(program, &["--module", module], rig, place.path());
        tool.says("-O", &["Certificate for Digital Signature", "Public Key Object; EC"]);
    });
}

#[test]
fn openssl_verifies_the_chain_of_the_second_generation_and_stumbles_over_the_first_as_over_real_ones() {
    let name = "openssl_verifies_the_chain_of_the_second_generation_and_stumbles_over_the_first_as_over_real_ones";
    with_yubikeys(name, &Setup::of(&[("5.7.4", 1), ("5.4.3", 2)]), |rig, place| {
        let (Some(openssl), Some(ykman)) = (installed("/usr/bin/openssl"), installed("/usr/bin/ykman")) else { return };
        let openssl = Tool::new(openssl, &[], rig, place.path());
        let (roots, between) = rig.control().roots();
        for (number, der) in roots.iter().chain(&between).enumerate() {
            fs::write(place.path().join(format!("{number}.der")), der).unwrap();
            openssl.does(&format!("x509 -inform der -in {number}.der -out {number}.pem"));
        }
        for serial in ["1", "2"] {
            let ykman = Tool::new(ykman.clone(), &["--device", serial], rig, place.path());
            ykman.does(&format!("piv keys generate -m {FACTORY} -a ECCP256 9c 9c.pem"));
            ykman.does(&format!("piv keys attest 9c attested-{serial}.pem"));
            ykman.does(&format!("piv certificates export f9 f9-{serial}.pem"));
        }
        let chain: String =
            ["2.pem", "3.pem", "f9-1.pem"].map(|file| fs::read_to_string(place.path().join(file)).unwrap()).concat();
        fs::write(place.path().join("chain.pem"), chain).unwrap();
        openssl.says("verify -CAfile 1.pem -untrusted chain.pem attested-1.pem", &["attested-1.pem: OK"]);
        openssl.says("verify -CAfile 0.pem f9-2.pem", &["f9-2.pem: OK"]);
        openssl.refuses("verify -CAfile 0.pem -untrusted f9-2.pem attested-2.pem", "invalid CA certificate");
    });
}
