//! Root certificates: what stands in those that are made, as OpenSSL reads them, and which ones count.

mod notary_support;

use std::{fs, process::Command};

use notary_support::{GUN, Signer, at};
use officiant::{
    rules::Rule,
    tuf::{Certificate, CertificateTemplate, Dialect, KeyAlgorithm, RawSignature, RoleName},
};

const FROM: &str = "2026-11-23T00:00:00Z";
const UNTIL: &str = "2056-11-20T12:30:45Z";

/// What `openssl x509` says with these arguments; `None` where there is no openssl.
fn openssl(certificate: &Certificate, arguments: &[&str]) -> Option<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("root.pem");
    fs::write(&path, certificate.to_pem()).expect("written");
    let output = Command::new("openssl").arg("x509").arg("-in").arg(path).args(arguments).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).expect("text"))
}

#[test]
fn a_root_certificate_is_what_notarys_own_client_makes() {
    let made = Signer::p256(1).certificate("docker.io/example/*", FROM, UNTIL);
    let Some(text) = openssl(&made, &["-text", "-noout", "-nameopt", "RFC2253"]) else {
        return println!("skipped: openssl is not here");
    };
    for line in [
        "Version: 3 (0x2)",
        "Signature Algorithm: ecdsa-with-SHA256",
        "Issuer: CN=docker.io/example/*",
        "Not Before: Nov 23 00:00:00 2026 GMT",
        "Not After : Nov 20 12:30:45 2056 GMT",
        "Subject: CN=docker.io/example/*",
        "ASN1 OID: prime256v1",
        "X509v3 Key Usage: critical\n                Digital Signature, Key Encipherment\n",
        "X509v3 Extended Key Usage: \n                Code Signing\n",
        "X509v3 Basic Constraints: critical\n                CA:FALSE\n",
    ] {
        assert!(text.contains(line), "no “{line}” in {text}");
    }
    assert_eq!(text.matches("X509v3 ").count(), 4, "three extensions under their heading: {text}");
    assert!(text.contains("07:07:07:07"), "the serial that was given: {text}");
    // Signed by itself, and spelt as OpenSSL spells it too.
    assert_eq!(openssl(&made, &["-outform", "PEM"]).as_deref(), Some(made.to_pem().as_str()));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("root.pem");
    fs::write(&path, made.to_pem()).expect("written");
    let arguments = ["verify", "-check_ss_sig", "-partial_chain", "-no_check_time", "-CAfile"];
    let verified = Command::new("openssl").args(arguments).arg(&path).arg(&path).output().expect("openssl");
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}

#[test]
fn the_certificate_of_the_stock_client_and_ours_differ_in_nothing_but_name_key_and_dates() {
    let path = vectors_or_skip!("notary/stock/served/1.root.json");
    let bytes = fs::read(path).expect("a root");
    let document = officiant::tuf::Document::parse_any(&bytes).expect("a root");
    let root = document.as_root().expect("a root");
    let key = root.keys_of(&RoleName::Root).next().expect("a root key").1.clone();
    let theirs = key.certificate().expect("a certificate");
    let ours = Signer::p256(1).certificate("localhost:5000/lab/stock", "2026-11-22T00:00:00Z", "2036-11-19T00:00:00Z");
    // From the issuer on, both say the same member by member but for dates and key; extensions are the tail before the signature.
    let tail = |certificate: &Certificate| {
        let der = certificate.der().to_vec();
        let usage = der.windows(5).position(|window| window == [0x06, 0x03, 0x55, 0x1d, 0x0f]).expect("key usage");
        let end = der.windows(4).rposition(|window| window == [0x06, 0x08, 0x2a, 0x86]).expect("an algorithm");
        der[usage - 6..end - 2].to_vec()
    };
    assert_eq!(tail(&theirs), tail(&ours));
    assert_eq!(theirs.common_name(), ours.common_name());
}

#[test]
fn dates_serials_and_names_come_back_as_they_were_given() {
    let made = Signer::p256(1).certificate(GUN, FROM, UNTIL);
    assert_eq!((made.not_before(), made.not_after()), (at(FROM), at(UNTIL)));
    assert_eq!(made.common_name(), GUN);
    assert_eq!(made.serial(), [7; 16]);
    assert_eq!(made.public(), Some(Signer::p256(1).public()));
    assert!(!made.is_ca() && !made.is_sha1_signed() && made.others().is_empty());
    assert_eq!(Certificate::from_pem(&made.to_pem()).as_ref(), Some(&made));
    let high =
        CertificateTemplate::new("ü/_*", &Signer::p256(1).public(), [0xff; 16], at(FROM), at(UNTIL)).expect("made");
    let high = high.signed(&Signer::p256(1).sign(&high.to_be_signed())).expect("signed");
    assert_eq!(high.common_name(), "ü/_*");
    assert!(high.serial().ends_with(&[0xff; 16]), "a positive number");
}

#[test]
fn a_certificate_counts_only_with_the_signature_of_its_own_key() {
    let template =
        CertificateTemplate::new(GUN, &Signer::p256(1).public(), [1; 16], at(FROM), at(UNTIL)).expect("made");
    let bytes = template.to_be_signed();
    for bad in [
        Signer::p256(2).sign(&bytes),
        Signer::p256(1).sign(b"other"),
        RawSignature::new(vec![0; 64]),
        RawSignature::new(vec![]),
    ] {
        assert_eq!(template.signed(&bad).expect_err("no signature").rule, Rule::SignatureVerifies);
    }
}

#[test]
fn keys_and_dates_that_make_no_root_certificate_are_refused_before_anything_is_signed() {
    let template = |signer: &Signer, name: &str, from, until| {
        CertificateTemplate::new(name, &signer.public(), [1; 16], at(from), at(until))
            .map(|_| ())
            .map_err(|refusal| refusal.rule)
    };
    assert_eq!(template(&Signer::p256(1), GUN, FROM, UNTIL), Ok(()));
    for (signer, name, from, until) in [
        (Signer::ed25519(1), GUN, FROM, UNTIL),
        (Signer::p384(1), GUN, FROM, UNTIL),
        (Signer::p256(1), "", FROM, UNTIL),
        (Signer::p256(1), GUN, UNTIL, FROM),
        (Signer::p256(1), GUN, FROM, FROM),
    ] {
        assert_eq!(template(&signer, name, from, until), Err(Rule::CertValid));
    }
    let refused = |role: RoleName, algorithm| Dialect::Notary.refuses_key(&role, algorithm).is_some();
    assert!(refused(RoleName::Root, KeyAlgorithm::Ed25519) && !refused(RoleName::Targets, KeyAlgorithm::Ed25519));
    assert!(refused(RoleName::Root, KeyAlgorithm::P384) && refused(RoleName::Targets, KeyAlgorithm::P384));
    assert!(!refused(RoleName::Root, KeyAlgorithm::P256) && !refused(RoleName::Root, KeyAlgorithm::Rsa3072));
    assert_eq!(Dialect::Tuf1.refuses_key(&RoleName::Root, KeyAlgorithm::P384), None);
}

#[test]
fn a_common_name_fits_its_repository_or_all_that_begin_so() {
    let fits = |name: &str, gun: &str| {
        let answer = Signer::p256(1).certificate(name, FROM, UNTIL).fits(gun);
        answer.map(|passed| passed.rule).map_err(|refusal| refusal.rule)
    };
    for (name, gun) in [
        (GUN, GUN),
        ("docker.io/example/*", GUN),
        ("*", GUN),
        ("docker.io/ex*", GUN),
        ("docker.io/example/shop***", GUN),
    ] {
        assert_eq!(fits(name, gun), Ok(Rule::CertFitsGun), "{name} {gun}");
    }
    for (name, gun) in [
        ("docker.io/example", GUN),
        ("docker.io/example/shop/", GUN),
        ("docker.io/*/shop", GUN),
        ("docker.io/Example/*", GUN),
        (GUN, "docker.io/example/shop2"),
        (GUN, ""),
    ] {
        assert_eq!(fits(name, gun), Err(Rule::CertFitsGun), "{name} {gun}");
    }
}

#[test]
fn validity_has_a_day_to_spare_before_and_none_after() {
    let certificate = Signer::p256(1).certificate(GUN, "2026-12-01T00:00:00Z", "2027-12-01T00:00:00Z");
    let valid = |now: &str| certificate.is_valid(at(now)).map(|_| ()).map_err(|refusal| refusal.rule);
    for good in ["2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z", "2027-12-01T00:00:00Z"] {
        assert_eq!(valid(good), Ok(()), "{good}");
    }
    for bad in ["2026-11-29T23:59:59Z", "2027-12-01T00:00:01Z"] {
        assert_eq!(valid(bad), Err(Rule::CertValid), "{bad}");
    }
}

#[test]
fn one_key_has_one_fingerprint_and_one_canonical_id_in_every_certificate() {
    let signer = Signer::p256(1);
    let (one, other) = (signer.certified(GUN), signer.certified("docker.io/example/*"));
    assert_ne!(one.id(), other.id());
    assert_eq!(one.public().fingerprint(), other.public().fingerprint());
    assert_eq!(one.canonical_id(), signer.bare().id());
    assert_eq!(other.canonical_id(), signer.bare().id());
    assert_eq!(signer.bare().canonical_id(), signer.bare().id());
    assert_eq!(signer.bare().certificate(), None);
    assert_eq!(Dialect::Tuf1.certified_key(&one.certificate().expect("a certificate")), None);
    assert!(Dialect::Notary.certifies(&RoleName::Root) && !Dialect::Notary.certifies(&RoleName::Targets));
    assert!(!Dialect::Tuf1.certifies(&RoleName::Root));
}

#[test]
fn text_that_is_no_certificate_makes_none() {
    let pem = Signer::p256(1).certificate(GUN, FROM, UNTIL).to_pem();
    for bad in [
        "",
        "-----BEGIN CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        &pem[..pem.len() - 40],
    ] {
        assert_eq!(Certificate::from_pem(bad), None, "{bad}");
    }
    assert_eq!(Certificate::from_pem(&pem.repeat(17)), None, "more than any bundle has");
    assert_eq!(Certificate::from_pem(&pem.repeat(2)).map(|bundle| bundle.others().len()), Some(1));
    let bytes = Certificate::from_pem(&pem).expect("a certificate").der().to_vec();
    for cut in 0..bytes.len() {
        assert_eq!(Certificate::from_der(&bytes[..cut]), None);
        let mut spoilt = bytes.clone();
        spoilt[cut] ^= 0x41;
        _ = Certificate::from_der(&spoilt)
            .map(|certificate| (certificate.public(), certificate.is_leaf(), certificate.common_name()));
    }
}
