//! NSS softokn, the badly behaved module: the probe must call it out.

mod support;

use std::path::PathBuf;

use officiant::{
    device::probe::{Check, Verdict},
    rules::Rule,
    token::{
        KeyAlgorithm, Probe as _, Provision as _, Token as _, Wrap as _,
        pkcs11::{self, TokenUri},
        quirks::{self, Trust},
        wrap::PinIsKey,
    },
};
use support::{USER_PIN, alone, folder, login, pin};

const MODULES: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/libsoftokn3.so",
    "/usr/lib/aarch64-linux-gnu/libsoftokn3.so",
    "/usr/lib64/libsoftokn3.so",
];

#[test]
fn the_probe_calls_out_a_module_that_wraps_keys_that_are_not_extractable() {
    let Some(module) = MODULES.iter().map(PathBuf::from).find(|path| path.is_file()) else {
        panic!("libsoftokn3.so is not installed: apt-get install libnss3");
    };
    let name = "the_probe_calls_out_a_module_that_wraps_keys_that_are_not_extractable";
    let prepare = |folder: &std::path::Path| {
        std::fs::create_dir(folder).unwrap();
        vec![]
    };
    alone(name, prepare, || {
        let parameters = format!(
            "configdir='' certPrefix='' keyPrefix='' secmod='' flags=noCertDB,noModDB,noKeyDB \
             tokens=<0x4=[configdir='sql:{}' tokenDescription='root-a' slotDescription='a']>",
            folder().display()
        );
        let uri = TokenUri {
            label: Some("root-a".into()),
            module_path: Some(module),
            init_reserved: Some(parameters),
            ..TokenUri::default()
        };
        // NSS has no C_InitToken: a token without a PIN is one that is not initialised.
        let mut token = pkcs11::open_blank(&uri, Trust::shipped()).unwrap();
        assert!(token.identity().software.is_some());
        assert!(!token.identity().serial_tells());
        token.set_user_pin(&pin(""), &pin(USER_PIN)).unwrap();
        login(&mut token);

        let report = token.probe().unwrap();
        assert_eq!(report.family, "NSS softokn");
        let verdict = |check| report.finding(check).map(|finding| finding.verdict);
        assert_eq!(verdict(Check::RefusesWrap), Some(Verdict::Bad), "{:#?}", report.findings);
        assert_eq!(verdict(Check::RefusesLooserCopy), Some(Verdict::Bad), "{:#?}", report.findings);
        assert!(report.signs(KeyAlgorithm::P256));
        assert!(!report.signs(KeyAlgorithm::Ed25519));
        let refusal = report.keeps_keys().unwrap_err();
        assert_eq!(refusal.rule, Rule::KeyNotExtractable);
        assert!(refusal.what.contains("not extractable"), "{refusal}");
        assert!(quirks::of(token.identity()).software);

        // It wraps by RFC 5649, and keeps to none of the policy that would make it safe.
        assert_eq!(verdict(Check::Wraps(KeyAlgorithm::Rsa3072)), Some(Verdict::Good), "{:#?}", report.findings);
        assert_eq!(verdict(Check::ClosesKeys), Some(Verdict::Bad), "{:#?}", report.findings);
        assert_eq!(verdict(Check::WantsTrusted), Some(Verdict::Bad), "{:#?}", report.findings);
        assert_eq!(verdict(Check::TrustsSoOnly), Some(Verdict::Bad), "{:#?}", report.findings);
        assert_eq!(report.holds_to_trusted().unwrap_err().rule, Rule::WrappingTrusted);
        for declared in [None, Some(&PinIsKey::declared_in_the_script())] {
            let refusal = token.wraps_safely(KeyAlgorithm::Rsa3072, declared).map(drop).unwrap_err();
            let refusal = refusal.refusal().expect("a refusal");
            assert_eq!(refusal.rule, Rule::WrappingSafe, "{refusal}");
            assert!(refusal.what.contains("does not wrap a key that is not extractable"), "{refusal}");
        }
    });
}
